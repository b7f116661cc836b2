// SPDX-License-Identifier: MIT
#include "consumer/live_sessions.hpp"

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

void LiveSessions::remove(std::size_t place) {
  std::swap(all_[place], all_.back());
  all_[place]->set_place(place);
  all_.pop_back();
}

void LiveSessions::abandon(const HostState& host) noexcept {
  const Executor::Running running(executor_);
  for (std::size_t place = 0; place < all_.size();) {
    if (!all_[place]->is_of(host)) {
      ++place;
      continue;
    }
    const auto session = all_[place];
    remove(place);
    session->abandon();
  }
}

}  // namespace sluice
