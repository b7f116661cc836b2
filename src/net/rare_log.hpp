// SPDX-License-Identifier: MIT
// When to write a log line about what peers can cause at will.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace sluice::net {

/// The first event is told at once, and then at most one line in a while, which tells of those between. Its executor
/// only.
class RareLog {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr auto while_silent = std::chrono::seconds(10);

  /// Counts an event. How many events were not told before it; nothing: this one isn't either.
  std::optional<std::uint64_t> event(Time now) noexcept {
    if (now < silent_until_) {
      ++untold_;
      return std::nullopt;
    }
    silent_until_ = now + while_silent;
    return std::exchange(untold_, 0);
  }

 private:
  Time silent_until_ = Time::min();
  std::uint64_t untold_ = 0;
};

}  // namespace sluice::net
