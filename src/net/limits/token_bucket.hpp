// SPDX-License-Identifier: MIT
// A token bucket. No clock of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "sluice/transport/limits.hpp"

namespace sluice::SLUICE_ABI::net {

/// A Rate in the units of a bucket. Immutable: share freely.
class Pace {
 public:
  using Duration = std::chrono::steady_clock::duration;

  explicit Pace(const Rate& rate) noexcept
      : each_(rate.per_second > 0 ? std::chrono::duration<double>(1.0 / static_cast<double>(rate.per_second))
                                  : std::chrono::duration<double>(0)),
        depth_(time_for(rate.burst > 0 ? rate.burst : rate.per_second)) {}

  bool bounded() const noexcept { return each_.count() > 0; }
  /// The time in which this many tokens come back.
  Duration time_for(std::size_t tokens) const noexcept {
    return std::chrono::ceil<Duration>(each_ * static_cast<double>(tokens));
  }
  /// The time in which an empty bucket becomes full.
  Duration depth() const noexcept { return depth_; }

 private:
  std::chrono::duration<double> each_;
  Duration depth_;
};

/// Tokens that are taken for work, and come back with time. Its only state is the time at which it will be full: the
/// later, the emptier it is. Tokens beyond the last are a debt, which is repaid with time as well. One thread at a
/// time.
class TokenBucket {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void take(const Pace& pace, std::size_t tokens, Time now) noexcept {
    full_at_ = std::max(full_at_, now) + pace.time_for(tokens);
  }
  /// True if more tokens were taken than there were.
  bool overdrawn(const Pace& pace, Time now) const noexcept { return full_at_ - now > pace.depth(); }
  bool full(Time now) const noexcept { return full_at_ <= now; }

 private:
  Time full_at_{};
};

}  // namespace sluice::SLUICE_ABI::net
