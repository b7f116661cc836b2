// SPDX-License-Identifier: MIT
#include "net/limits/rate_limiter.hpp"

#include "support/catch.hpp"

using namespace sluice;
using namespace std::chrono_literals;
using net::RateLimiter;
using net::RateLimits;
using Verdict = RateLimiter::Verdict;

namespace {

RateLimits limits_with(Rate messages, Rate bytes, RateExcess excess = RateExcess::throttle) {
  ServerLimits limits;
  limits.message_rate = messages;
  limits.byte_rate = bytes;
  limits.rate_excess = excess;
  return RateLimits(limits);
}

constexpr RateLimiter::Time start{1h};

}  // namespace

TEST_CASE("a rate limiter throttles at the message that exceeds the burst", "[net]") {
  const RateLimits limits = limits_with({.per_second = 10, .burst = 3}, {});
  RateLimiter limiter;
  CHECK(limiter.on_messages(limits, 1, start) == Verdict::within_rate);
  CHECK(limiter.on_messages(limits, 2, start) == Verdict::within_rate);
  CHECK_FALSE(limiter.throttled());
  CHECK(limiter.on_messages(limits, 1, start) == Verdict::throttle);
  CHECK(limiter.throttled());
}

TEST_CASE("a rate limiter checks bytes when they are used, not when they arrive", "[net]") {
  const RateLimits limits = limits_with({}, {.per_second = 1'000});
  RateLimiter limiter;
  limiter.on_bytes(limits, 1'001, start);
  CHECK_FALSE(limiter.throttled());
  CHECK(limiter.check(limits, start) == Verdict::throttle);
}

TEST_CASE("messages within their rate are refused while the bytes are not within theirs", "[net]") {
  const RateLimits limits = limits_with({.per_second = 10}, {.per_second = 1'000});
  RateLimiter limiter;
  limiter.on_bytes(limits, 1'001, start);
  CHECK(limiter.on_messages(limits, 1, start) == Verdict::throttle);
}

TEST_CASE("a rate limiter that closes never throttles", "[net]") {
  const RateLimits limits = limits_with({.per_second = 10, .burst = 1}, {}, RateExcess::close);
  RateLimiter limiter;
  CHECK(limiter.on_messages(limits, 2, start) == Verdict::close);
  CHECK_FALSE(limiter.throttled());
}

TEST_CASE("a throttled connection is not throttled twice, and resumes once its debt is paid", "[net]") {
  const RateLimits limits = limits_with({.per_second = 10, .burst = 10}, {});
  RateLimiter limiter;
  CHECK(limiter.on_messages(limits, 15, start) == Verdict::throttle);
  CHECK(limiter.on_messages(limits, 1, start) == Verdict::within_rate);
  CHECK(limiter.check(limits, start) == Verdict::within_rate);
  CHECK_FALSE(limiter.resume(limits, start + 599ms));
  CHECK(limiter.throttled());
  CHECK(limiter.resume(limits, start + 600ms));
  CHECK_FALSE(limiter.throttled());
}

TEST_CASE("a rate limiter is full again once all its tokens are back", "[net]") {
  const RateLimits limits = limits_with({.per_second = 10, .burst = 10}, {.per_second = 1'000});
  RateLimiter limiter;
  CHECK(limiter.full(start));
  CHECK(limiter.on_messages(limits, 5, start) == Verdict::within_rate);
  limiter.on_bytes(limits, 900, start);
  CHECK_FALSE(limiter.full(start + 500ms));  // bytes are missing still
  CHECK(limiter.full(start + 900ms));
}

TEST_CASE("a throttled connection is not full before it has resumed", "[net]") {
  const RateLimits limits = limits_with({.per_second = 10, .burst = 1}, {});
  RateLimiter limiter;
  CHECK(limiter.on_messages(limits, 2, start) == Verdict::throttle);
  CHECK_FALSE(limiter.full(start + 1h));
  CHECK(limiter.resume(limits, start + 1h));
  CHECK(limiter.full(start + 1h));
}

TEST_CASE("rates of 0 bound nothing", "[net]") {
  const RateLimits limits = limits_with({}, {});
  RateLimiter limiter;
  limiter.on_bytes(limits, SIZE_MAX / 2, start);
  CHECK(limiter.on_messages(limits, 1'000'000, start) == Verdict::within_rate);
  CHECK(limiter.full(start));
}
