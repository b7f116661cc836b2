// SPDX-License-Identifier: MIT
#include "consumer/live_sessions.hpp"

#include <algorithm>

#include "consumer/session.hpp"

namespace sluice {

void LiveSessions::pump_soon(std::shared_ptr<Session> session) {
  ready_.push_back(std::move(session));
  if (ready_.size() > 1) return;
  executor_.post([this] {
    for (const auto& ready : std::exchange(ready_, {})) ready->pump();
  });
}

LiveSessions::~LiveSessions() {
  for (const auto& session : std::exchange(all_, {})) session->abandon();
}

void LiveSessions::add(std::shared_ptr<Session> session) {
  session->set_place(all_.size());
  all_.push_back(std::move(session));
}

std::shared_ptr<Session> LiveSessions::find(const Session& session) const noexcept {
  const auto is_it = [&](const std::shared_ptr<Session>& one) { return one.get() == &session; };
  const auto found = std::ranges::find_if(all_, is_it);
  return found == all_.end() ? nullptr : *found;
}

void LiveSessions::remove(std::size_t place) {
  std::swap(all_[place], all_.back());
  all_[place]->set_place(place);
  all_.pop_back();
}

}  // namespace sluice
