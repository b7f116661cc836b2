// SPDX-License-Identifier: MIT
#include "net/limits/rate_limiter.hpp"

namespace sluice::SLUICE_ABI::net {

void RateLimiter::on_bytes(const RateLimits& limits, std::size_t bytes, Time now) noexcept {
  if (limits.bytes.bounded()) bytes_.take(limits.bytes, bytes, now);
}

RateLimiter::Verdict RateLimiter::on_messages(const RateLimits& limits, std::size_t messages, Time now) noexcept {
  if (!limits.messages.bounded()) return Verdict::within_rate;
  messages_.take(limits.messages, messages, now);
  return check(limits, now);
}

RateLimiter::Verdict RateLimiter::check(const RateLimits& limits, Time now) noexcept {
  if (throttled_ || !overdrawn(limits, now)) return Verdict::within_rate;
  if (limits.excess == RateExcess::close) return Verdict::close;
  throttled_ = true;
  return Verdict::throttle;
}

bool RateLimiter::resume(const RateLimits& limits, Time now) noexcept {
  throttled_ = overdrawn(limits, now);
  return !throttled_;
}

bool RateLimiter::overdrawn(const RateLimits& limits, Time now) const noexcept {
  if (limits.messages.bounded() && messages_.overdrawn(limits.messages, now)) return true;
  return limits.bytes.bounded() && bytes_.overdrawn(limits.bytes, now);
}

}  // namespace sluice::SLUICE_ABI::net
