// SPDX-License-Identifier: MIT
#include "net/loop/timer_queue.hpp"

#include <algorithm>
#include <utility>

namespace sluice::SLUICE_ABI::net {

bool TimerQueue::later(const Waiting& a, const Waiting& b) noexcept {
  return a.due != b.due ? a.due > b.due : a.number > b.number;
}

void TimerQueue::add(Time due, Job job) {
  waiting_.push_back({due, added_++, std::move(job)});
  std::push_heap(waiting_.begin(), waiting_.end(), later);
}

std::optional<TimerQueue::Time> TimerQueue::next() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.front().due;
}

TimerQueue::Job TimerQueue::take_due(Time now) {
  if (waiting_.empty() || waiting_.front().due > now) return {};
  std::pop_heap(waiting_.begin(), waiting_.end(), later);
  Job job = std::move(waiting_.back().job);
  waiting_.pop_back();
  return job;
}

}  // namespace sluice::SLUICE_ABI::net
