// SPDX-License-Identifier: MIT
// Timers of an executor, which cannot be cancelled: sets as few as possible.
#pragma once

#include <utility>
#include <vector>

#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI {

/// Remembers which timers its owner has set. A timer for a later time than one that is set already is not needed: when
/// the earlier one is due, its owner sets the next. Its executor only.
class AlarmClock {
 public:
  using Time = Executor::Clock::time_point;

  /// Calls `ring` at this time, unless a timer is due before. `ring` calls rang() first. When it throws, nothing has
  /// changed.
  template <class Ring>
  void set(Executor& executor, Time when, Ring ring) {
    if (!times_.empty() && when >= times_.back()) return;
    times_.push_back(when);
    try {
      executor.post_after(when - executor.now(), std::move(ring));
    } catch (...) {
      times_.pop_back();
      throw;
    }
  }
  /// Removes the timer that is due now, and returns its time.
  Time rang() noexcept {
    const Time time = times_.back();
    times_.pop_back();
    return time;
  }

 private:
  std::vector<Time> times_;  // each earlier than the one before it, so that the last is due next
};

}  // namespace sluice::SLUICE_ABI
