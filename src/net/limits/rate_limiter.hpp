// SPDX-License-Identifier: MIT
// The message rate and the byte rate of one connection. No socket, no clock of its own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "net/limits/token_bucket.hpp"
#include "sluice/transport/limits.hpp"

namespace sluice::SLUICE_ABI::net {

/// The rates for all connections of a server. Immutable: share freely.
struct RateLimits {
  explicit RateLimits(const ServerLimits& limits) noexcept
      : messages(limits.message_rate), bytes(limits.byte_rate), excess(limits.rate_excess) {}

  const Pace messages, bytes;
  const RateExcess excess;
};

/// Counts what one connection sends against its rates. A connection needs one only while tokens are missing: once
/// full(), it may be destroyed and made again later. One thread at a time.
class RateLimiter {
 public:
  using Time = TokenBucket::Time;
  enum class Verdict : std::uint8_t {
    within_rate,
    throttle,  // stop reading until resume() returns true
    close,     // the connection is to be closed
  };

  /// Takes tokens for bytes. check() or on_messages() reports later whether they were too many.
  void on_bytes(const RateLimits& limits, std::size_t bytes, Time now) noexcept;
  /// Takes tokens for messages, pings or pongs, and checks both rates.
  Verdict on_messages(const RateLimits& limits, std::size_t messages, Time now) noexcept;
  /// Checks both rates. A connection that is throttled already is within_rate: it is not throttled twice.
  Verdict check(const RateLimits& limits, Time now) noexcept;
  /// A throttled connection may be read again once this returns true. Call it again later when it returns false.
  bool resume(const RateLimits& limits, Time now) noexcept;

  bool throttled() const noexcept { return throttled_; }
  /// No token is missing.
  bool full(Time now) const noexcept { return !throttled_ && messages_.full(now) && bytes_.full(now); }

 private:
  bool overdrawn(const RateLimits& limits, Time now) const noexcept;

  TokenBucket messages_, bytes_;
  bool throttled_ = false;
};

}  // namespace sluice::SLUICE_ABI::net
