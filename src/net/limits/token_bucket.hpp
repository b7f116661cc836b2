// SPDX-License-Identifier: MIT
// How much a peer may take in a time. No clock of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "sluice/transport/limits.hpp"

namespace sluice::SLUICE_ABI::net {

/// A Rate, as buckets reckon with it. Immutable: share freely.
class Pace {
 public:
  using Duration = std::chrono::steady_clock::duration;

  explicit Pace(const Rate& rate) noexcept
      : each_(rate.per_second > 0 ? std::chrono::duration<double>(1.0 / static_cast<double>(rate.per_second))
                                  : std::chrono::duration<double>(0)),
        depth_(time_for(rate.burst > 0 ? rate.burst : rate.per_second)) {}

  bool bounded() const noexcept { return each_.count() > 0; }
  /// How long so many tokens take to come back.
  Duration time_for(std::size_t tokens) const noexcept {
    return std::chrono::ceil<Duration>(each_ * static_cast<double>(tokens));
  }
  /// How long an empty bucket takes to be full.
  Duration depth() const noexcept { return depth_; }

 private:
  std::chrono::duration<double> each_;
  Duration depth_;
};

/// Tokens that are taken for what came, and come back with time. All that it knows is when it will be full again: the
/// further ahead that lies, the emptier it is. What was taken beyond the last token is a debt and is waited for as
/// well. One thread at a time.
class TokenBucket {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void take(const Pace& pace, std::size_t tokens, Time now) noexcept {
    full_at_ = std::max(full_at_, now) + pace.time_for(tokens);
  }
  /// More was taken than there was.
  bool overdrawn(const Pace& pace, Time now) const noexcept { return full_at_ - now > pace.depth(); }
  bool full(Time now) const noexcept { return full_at_ <= now; }

 private:
  Time full_at_{};
};

}  // namespace sluice::SLUICE_ABI::net
