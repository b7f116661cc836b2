// SPDX-License-Identifier: MIT
#include "consumer/alarms.hpp"

#include <algorithm>

#include "consumer/session.hpp"

namespace sluice {
namespace {

// The clock ends somewhere, and behind it lies the past.
constexpr std::chrono::nanoseconds longest_delay = std::chrono::hours(24 * 365 * 100);

}  // namespace

void Alarms::add(const std::shared_ptr<Session>& session, std::chrono::nanoseconds delay, Event event) {
  const Time due = executor_.now() + std::clamp(delay, std::chrono::nanoseconds(0), longest_delay);
  const std::uint64_t number = added_++;
  alarms_.emplace(Due(due, number), Alarm{session, session.get(), std::move(event)});
  owners_.emplace(session.get(), due, number);
  arm();
}

void Alarms::drop(const Session& session) noexcept {
  auto next = owners_.lower_bound({&session, Time::min(), 0});
  while (next != owners_.end() && std::get<0>(*next) == &session) {
    alarms_.erase({std::get<1>(*next), std::get<2>(*next)});
    next = owners_.erase(next);
  }
}

void Alarms::arm() {
  if (alarms_.empty()) return;
  const Time next = alarms_.begin()->first.first;
  if (!armed_for_.empty() && next >= armed_for_.back()) return;
  armed_for_.push_back(next);
  executor_.post_after(next - executor_.now(), [this] { ring(); });  // jobs end before what is local to their executor
}

void Alarms::ring() {
  armed_for_.pop_back();
  const Time now = executor_.now();
  while (!alarms_.empty() && alarms_.begin()->first.first <= now) {
    const auto due = alarms_.extract(alarms_.begin());
    const auto& [when, number] = due.key();
    owners_.erase({due.mapped().owner, when, number});
    if (const auto session = due.mapped().session.lock()) session->deliver(due.mapped().event);
  }
  arm();
}

}  // namespace sluice
