// SPDX-License-Identifier: MIT
#include "net/loop/deadline_wheel.hpp"

#include <algorithm>

namespace sluice::SLUICE_ABI::net {

void DeadlineWheel::add(Deadline& item, Time due) noexcept {
  if (due == Deadline::never) return resting_.add(item, due);
  const auto ahead = std::max(due - start_, Time::duration(0));
  const auto tick = static_cast<std::uint64_t>((ahead + slot_ - Time::duration(1)) / slot_);
  const std::uint64_t within_reach = std::clamp(tick, turned_ + 1, turned_ + slots);
  list_at(within_reach).add(item, due);
  next_ = std::min(next_, within_reach);
}

void DeadlineWheel::turn(Time now) noexcept {
  const auto now_tick = static_cast<std::uint64_t>(std::max(now - start_, Time::duration(0)) / slot_);
  if (now_tick <= turned_) return;
  const std::uint64_t last = std::min(now_tick, turned_ + slots);
  for (std::uint64_t tick = next_; tick <= last; ++tick) due_.take_all(list_at(tick));
  turned_ = now_tick;
  if (now_tick < next_) return;
  next_ = none;
  for (std::uint64_t tick = turned_ + 1; tick <= turned_ + slots && next_ == none; ++tick) {
    if (!list_at(tick).empty()) next_ = tick;
  }
}

DeadlineWheel::Time DeadlineWheel::next_due() const noexcept {
  if (!due_.empty()) return start_;
  return next_ == none ? Deadline::never : start_ + slot_ * static_cast<Time::rep>(next_);
}

Deadline* DeadlineWheel::take_due() noexcept {
  Deadline* const item = due_.front();
  if (item) item->unlink();
  return item;
}

}  // namespace sluice::SLUICE_ABI::net
