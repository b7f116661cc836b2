// SPDX-License-Identifier: MIT
#include "net/limits/token_bucket.hpp"

#include "support/catch.hpp"

using namespace sluice;
using namespace std::chrono_literals;
using net::Pace;
using net::TokenBucket;

namespace {

// Takes tokens one at a time until the bucket is overdrawn, and returns their number.
int tokens_at_once(TokenBucket& bucket, const Pace& pace, TokenBucket::Time now) {
  for (int taken = 0; taken < 1'000'000; ++taken) {
    bucket.take(pace, 1, now);
    if (bucket.overdrawn(pace, now)) return taken;
  }
  return -1;
}

constexpr TokenBucket::Time start{1h};

}  // namespace

TEST_CASE("a full bucket gives its burst at once, and then as many as come back", "[net]") {
  const Pace pace(Rate{10, 25});
  TokenBucket bucket;
  CHECK(bucket.full(start));
  CHECK(tokens_at_once(bucket, pace, start) == 25);
  CHECK(bucket.overdrawn(pace, start + 99ms));
  CHECK_FALSE(bucket.overdrawn(pace, start + 100ms));  // what was taken too much has come back
  CHECK(tokens_at_once(bucket, pace, start + 600ms) == 5);
  CHECK_FALSE(bucket.full(start + 3100ms));
  CHECK(bucket.full(start + 3200ms));
  CHECK(tokens_at_once(bucket, pace, start + 24h) == 25);  // and never more than its burst
}

TEST_CASE("without a burst a bucket holds what comes in a second", "[net]") {
  const Pace pace(Rate{40});
  TokenBucket bucket;
  CHECK(tokens_at_once(bucket, pace, start) == 40);
}

TEST_CASE("a bucket with a debt is full after the debt is repaid", "[net]") {
  const Pace pace(Rate{1'000, 1'000});
  TokenBucket bucket;
  bucket.take(pace, 6'000, start);  // one read may bring more than there is
  CHECK(bucket.overdrawn(pace, start + 4999ms));
  CHECK_FALSE(bucket.overdrawn(pace, start + 5000ms));
}

TEST_CASE("over an hour a bucket lets through its rate, no more and no less", "[net]") {
  const Pace pace(Rate{333, 50});
  TokenBucket bucket;
  std::uint64_t let_through = 0;
  for (auto now = start; now < start + 1h; now += 10ms) {
    while (!bucket.overdrawn(pace, now)) {
      bucket.take(pace, 1, now);
      ++let_through;
    }
  }
  CHECK(let_through >= 333 * 3600);
  CHECK(let_through <= 333 * 3600 + 51);
}

TEST_CASE("a rate of 0 bounds nothing, and a high rate is exact enough", "[net]") {
  CHECK_FALSE(Pace(Rate{}).bounded());
  const Pace pace(Rate{10'000'000'000, 10'000'000'000});
  TokenBucket bucket;
  for (int i = 0; i < 999; ++i) bucket.take(pace, 10'000'000, start);
  CHECK_FALSE(bucket.overdrawn(pace, start));
  bucket.take(pace, 10'000'001, start);
  CHECK(bucket.overdrawn(pace, start));
}
