// SPDX-License-Identifier: MIT
// Timers of an executor that cannot be cancelled, and no more of them than it takes.
#pragma once

#include <utility>
#include <vector>

#include "sluice/core/executor.hpp"

namespace sluice {

/// Remembers which timers its owner has set. A timer for a later time than one that is set already is not needed: when
/// the earlier one rings, its owner sets the next. Its executor only.
class AlarmClock {
 public:
  using Time = Executor::Clock::time_point;

  /// Has `ring` called at this time, unless a timer rings before. `ring` calls rang() first. When it throws, nothing
  /// has changed.
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
  /// Takes the timer that rings now, and returns its time.
  Time rang() noexcept {
    const Time time = times_.back();
    times_.pop_back();
    return time;
  }

 private:
  std::vector<Time> times_;  // each earlier than the one before it, so that the last rings next
};

}  // namespace sluice
