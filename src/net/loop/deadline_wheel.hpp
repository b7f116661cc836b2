// SPDX-License-Identifier: MIT
// Connections by the time of their next check, however far ahead.
#pragma once

#include <cstdint>
#include <vector>

#include "net/loop/deadline_list.hpp"

namespace sluice::SLUICE_ABI::net {

/// A ring of lists, each for a short time. Adding and removing take constant time; a check is linear in what is due. A
/// deadline is returned up to one slot late. One that is further ahead than the ring is returned early: the caller
/// checks it, and adds it again. Its executor only.
///
///     wheel.turn(now);
///     while (Deadline* item = wheel.take_due()) ...
class DeadlineWheel {
 public:
  using Time = Deadline::Time;
  static constexpr std::uint64_t slots = 256;

  DeadlineWheel(Time::duration slot, Time start) : slot_(slot), start_(start), lists_(slots) {}

  /// Removes it from its previous list. Deadline::never: it stays until it is removed.
  void add(Deadline& item, Time due) noexcept;
  /// Sets due items aside.
  void turn(Time now) noexcept;
  /// The next item that was set aside, now in no list; null when there is none.
  Deadline* take_due() noexcept;
  /// The earliest time at which something may be due.
  Time next_due() const noexcept;

  /// Visits each of its lists.
  template <class Visit>
  void each_list(Visit visit) {
    visit(due_);
    visit(resting_);
    for (DeadlineList& list : lists_) visit(list);
  }

 private:
  static constexpr std::uint64_t none = UINT64_MAX;

  DeadlineList& list_at(std::uint64_t tick) noexcept { return lists_[tick % slots]; }

  Time::duration slot_;
  Time start_;
  std::uint64_t turned_ = 0;   // the last tick whose list was set aside
  std::uint64_t next_ = none;  // no list before this tick holds anything
  std::vector<DeadlineList> lists_;
  DeadlineList due_, resting_;
};

}  // namespace sluice::SLUICE_ABI::net
