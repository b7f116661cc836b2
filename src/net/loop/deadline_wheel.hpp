// SPDX-License-Identifier: MIT
// Connections by when they are to be looked at, however far ahead each lies.
#pragma once

#include <cstdint>
#include <vector>

#include "net/loop/deadline_list.hpp"

namespace sluice::SLUICE_ABI::net {

/// A ring of lists, each for a short time. Adding and taking out cost the same with a hundred thousand inside; a look
/// costs what is due. A deadline comes up to one slot late. One that lies further ahead than the ring reaches comes
/// early: who takes it looks, and adds it again. Its executor only.
///
///     wheel.turn(now);
///     while (Deadline* item = wheel.take_due()) ...
class DeadlineWheel {
 public:
  using Time = Deadline::Time;
  static constexpr std::uint64_t slots = 256;

  DeadlineWheel(Time::duration slot, Time start) : slot_(slot), start_(start), lists_(slots) {}

  /// Takes it out of the list where it was. Deadline::never: it comes when something else takes it out.
  void add(Deadline& item, Time due) noexcept;
  /// Sets aside what is due.
  void turn(Time now) noexcept;
  /// The next of what was set aside, now in no list; null when there is none.
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
