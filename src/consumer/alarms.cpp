// SPDX-License-Identifier: MIT
#include "consumer/alarms.hpp"

#include <algorithm>

#include "consumer/session.hpp"

namespace sluice::SLUICE_ABI {
namespace {

// A longer delay would overflow the clock.
constexpr std::chrono::nanoseconds longest_delay = std::chrono::hours(24 * 365 * 100);

}  // namespace

void Alarms::add(const std::shared_ptr<Session>& session, std::chrono::nanoseconds delay, Event event) {
  const Time due = executor_.now() + std::clamp(delay, std::chrono::nanoseconds(0), longest_delay);
  const std::uint64_t number = added_++;
  const auto owner = owners_.emplace(session.get(), due, number).first;
  try {
    const auto alarm = alarms_.emplace(Due(due, number), Alarm{session, session.get(), std::move(event)}).first;
    try {
      arm();
    } catch (...) {
      alarms_.erase(alarm);
      throw;
    }
  } catch (...) {
    owners_.erase(owner);
    throw;
  }
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
  clock_.set(executor_, alarms_.begin()->first.first, [this] { ring(); });  // jobs end before their executor's locals
}

// If no timer can be set for the first alarm, its session is closed, and the client connects again.
void Alarms::arm_or_miss() noexcept {
  for (;;) {
    try {
      return arm();
    } catch (...) {
      const auto due = take_first();
      if (const auto session = due.mapped().session.lock()) session->missed();
    }
  }
}

void Alarms::ring() noexcept {
  (void)clock_.rang();
  const Time now = executor_.now();
  while (!alarms_.empty() && alarms_.begin()->first.first <= now) {
    const auto due = take_first();
    const auto session = due.mapped().session.lock();
    if (!session) continue;
    try {
      session->deliver(due.mapped().event);
    } catch (...) {
      session->missed();
    }
  }
  arm_or_miss();
}

Alarms::Alarmed::node_type Alarms::take_first() noexcept {
  auto due = alarms_.extract(alarms_.begin());
  const auto& [when, number] = due.key();
  owners_.erase({due.mapped().owner, when, number});
  return due;
}

}  // namespace sluice::SLUICE_ABI
