// SPDX-License-Identifier: MIT
// The sessions of one executor: they live here, and are pumped from here.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "consumer/mailbox.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/core/rare_log.hpp"
#include "sluice/core/task.hpp"
#include "sluice/transport/frame.hpp"

namespace sluice {

class HostState;
class Session;

/// A handler at work, and what it may refer to. The task goes first.
struct AtWork {
  Mail hand;
  std::shared_ptr<const void> argument;
  Task<> task;
};

/// The sessions of one executor, and those among them that have mail to look at. Its executor only.
class LiveSessions : public std::enable_shared_from_this<LiveSessions> {
 public:
  explicit LiveSessions(Executor& executor) : executor_(executor), frames_(executor.local<FrameBuffer>()) {
    spares_.reserve(most_spares);
  }
  LiveSessions(const LiveSessions&) = delete;
  LiveSessions& operator=(const LiveSessions&) = delete;
  /// The executor ends: so do the sessions that are left.
  ~LiveSessions();

  Executor& executor() const noexcept { return executor_; }
  FrameBuffer& frames() const noexcept { return frames_; }
  /// For log lines about what clients can cause.
  RareLog& rare_log() noexcept { return rare_log_; }
  /// For events that no handler takes: one line per type.
  RareLog& event_log() noexcept { return event_log_; }

  void add(std::shared_ptr<Session> session);
  const std::shared_ptr<Session>& at(std::size_t place) const noexcept { return all_[place]; }
  void remove(std::size_t place);
  /// Ends the sessions of this host, while the executor does not run.
  void abandon(const HostState& host) noexcept;
  /// Pumps this session in a job of its own soon; one job serves all sessions of a turn.
  void pump_soon(std::shared_ptr<Session> session);

  /// Few sessions have a handler at work at the same time: what that takes is lent, and is empty when it comes back.
  std::unique_ptr<AtWork> lend() {
    if (spares_.empty()) return std::make_unique<AtWork>();
    auto work = std::move(spares_.back());
    spares_.pop_back();
    return work;
  }
  void give_back(std::unique_ptr<AtWork> work) noexcept {
    work->task = {};
    work->argument.reset();
    work->hand.emplace<Message>();  // an assigned one would keep the memory
    if (spares_.size() < most_spares) spares_.push_back(std::move(work));
  }

 private:
  static constexpr std::size_t most_spares = 256;

  Executor& executor_;
  FrameBuffer& frames_;
  RareLog rare_log_;
  RareLog event_log_{{.lines = 1}};
  std::deque<std::shared_ptr<Session>> all_;  // each knows its place; a vector may hold twice as many
  std::vector<std::shared_ptr<Session>> ready_;
  std::vector<std::unique_ptr<AtWork>> spares_;
};

}  // namespace sluice
