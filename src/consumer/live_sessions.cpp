// SPDX-License-Identifier: MIT
#include "consumer/live_sessions.hpp"

#include <algorithm>
#include <exception>

#include "consumer/session.hpp"
#include "core/failure.hpp"

namespace sluice::SLUICE_ABI {

// The first session of a turn posts the job; if that fails it is not added.
template <class Job>
void LiveSessions::post_for(Sessions& sessions, std::shared_ptr<Session> session, Job job) {
  sessions.push_back(std::move(session));
  if (sessions.size() > 1) return;
  try {
    executor_.post([&sessions, job] {
      for (const auto& one : std::exchange(sessions, {})) job(*one);
    });
  } catch (...) {
    sessions.pop_back();
    throw;
  }
}

void LiveSessions::pump_soon(std::shared_ptr<Session> session) {
  if (!resuming_.empty()) post_resumption();
  post_for(ready_, std::move(session), [](Session& one) { one.pump(); });
}

void LiveSessions::unshare_soon(std::shared_ptr<Session> session) {
  if (!resuming_.empty()) post_resumption();
  post_for(sharing_, std::move(session), [](Session& one) { one.unshare(); });
}

// ---------------------------------------------------------------- handlers that have finished

void LiveSessions::resume_soon(std::shared_ptr<Session> session, std::uint64_t handler) noexcept {
  resuming_.push_back({std::move(session), handler});
  post_resumption();
}

void LiveSessions::post_resumption() noexcept {
  for (int attempt = 0; attempt < 2 && !resumption_posted_; ++attempt) {
    try {
      executor_.post([this] { resume_all(); });
      resumption_posted_ = true;
    } catch (...) {
      if (attempt == 0) continue;
      log_failure(
          "a handler has finished, and its executor took no job to resume it; tried again with the next session",
          std::current_exception());
    }
  }
}

void LiveSessions::resume_all() {
  resumption_posted_ = false;
  std::vector<Resuming> due;
  due.swap(resuming_);
  try {
    resuming_.reserve(due.capacity());
  } catch (...) {  // one by one, in the existing vector
    due.swap(resuming_);
    const Resuming first = std::move(resuming_.front());
    resuming_.erase(resuming_.begin());
    if (!resuming_.empty()) post_resumption();
    return first.session->resume(first.handler);
  }
  for (const Resuming& one : due) one.session->resume(one.handler);
}

// ---------------------------------------------------------------- consumers that hold too much

void LiveSessions::note_holder(Session& session, std::size_t now) {
  if (is_large(now)) {
    holders_.insert(&session);
  } else {
    holders_.erase(&session);
  }
}

void LiveSessions::note_keeper(Session& session, std::size_t now) {
  if (is_large(now)) {
    keepers_.insert(&session);
  } else {
    keepers_.erase(&session);
  }
}

void LiveSessions::shed_soon(std::shared_ptr<Session> session) {
  if (shedding_) return;
  executor_.post([this, session = std::move(session)] {
    shedding_ = false;
    shed(session->queues().host().held, session);
  });
  shedding_ = true;
}

// Small sessions stay: larger ones may be on other executors, which close their own. Far above the limit they are
// closed as well.
void LiveSessions::shed(const HeldBytes& held, const std::shared_ptr<Session>& otherwise) {
  while (held.too_many()) {
    Session* largest = nullptr;
    std::size_t most = 0;
    for (const auto* const sessions : {&holders_, &keepers_}) {
      for (Session* const session : *sessions) {
        const std::size_t bytes = session->all_bytes();
        if (&session->queues().host().held != &held || bytes <= most) continue;
        largest = session;
        most = bytes;
      }
    }
    if (!largest) break;
    holders_.erase(largest);
    keepers_.erase(largest);
    largest->shed();
  }
  if (held.far_too_many()) otherwise->shed();
}

// ---------------------------------------------------------------- all of them

LiveSessions::~LiveSessions() {
  for (const auto& session : std::exchange(all_, {})) session->abandon();
}

void LiveSessions::add(std::shared_ptr<Session> session) {
  if (!resuming_.empty()) post_resumption();
  all_.push_back(std::move(session));
  all_.back()->queues().slot().set_index(all_.size() - 1);
}

void LiveSessions::remove(const Session& session) noexcept {
  holders_.erase(const_cast<Session*>(&session));
  keepers_.erase(const_cast<Session*>(&session));
  const std::size_t index = session.queues().slot().index();
  std::swap(all_[index], all_.back());
  all_[index]->queues().slot().set_index(index);
  all_.pop_back();
}

void LiveSessions::abandon(const HostState& host, Which which) noexcept {
  const Executor::Running running(executor_);
  for (std::size_t index = 0; index < all_.size();) {
    SessionQueues& queues = all_[index]->queues();
    if (&queues.host() != &host || (which == Which::closed && !queues.client().closed())) {
      ++index;
      continue;
    }
    const auto session = all_[index];
    remove(*session);
    session->abandon();
  }
}

}  // namespace sluice::SLUICE_ABI
