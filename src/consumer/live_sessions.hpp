// SPDX-License-Identifier: MIT
// Owns the sessions of one executor, and pumps them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_set>
#include <utility>
#include <vector>

#include "consumer/mailbox.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/core/log_throttle.hpp"
#include "sluice/core/task.hpp"
#include "sluice/transport/frame.hpp"

namespace sluice::SLUICE_ABI {

class HostState;
class Session;

/// A running handler, and the objects that it may refer to. The task is destroyed first.
struct RunningHandler {
  Mail mail;
  std::shared_ptr<const void> argument;
  std::size_t argument_bytes = 0;
  std::size_t held = 0;      // its part of the host's held bytes, while the handler waits
  std::uint64_t number = 0;  // while the handler waits
  Mailbox::Time arrived{};   // of mail that waited, if the host has observers
  Task<> task;
};

/// The sessions of one executor, and those among them with mail to handle. Its executor only.
class LiveSessions : public std::enable_shared_from_this<LiveSessions> {
 public:
  explicit LiveSessions(Executor& executor) : executor_(executor), frames_(executor.local<FrameBuffer>()) {
    spares_.reserve(most_spares);
  }
  LiveSessions(const LiveSessions&) = delete;
  LiveSessions& operator=(const LiveSessions&) = delete;
  /// The executor ends: destroys the remaining sessions.
  ~LiveSessions();

  Executor& executor() const noexcept { return executor_; }
  FrameBuffer& frames() const noexcept { return frames_; }
  /// For log lines about what clients can cause.
  LogThrottle& failure_log() noexcept { return failure_log_; }
  /// For events without a handler: one line per type.
  LogThrottle& event_log() noexcept { return event_log_; }

  void add(std::shared_ptr<Session> session);  // without memory nothing has changed
  const std::shared_ptr<Session>& at(std::size_t index) const noexcept { return all_[index]; }
  void remove(const Session& session) noexcept;
  /// Destroys sessions of this host: those whose connections have ended, or all. The executor does not run.
  enum class Which { closed, all };
  void abandon(const HostState& host, Which which) noexcept;
  /// Pumps this session in a later job; one job serves all sessions of a turn.
  void pump_soon(std::shared_ptr<Session> session);
  /// After the jobs posted so far: copies waiting broadcasts of this session out of shared memory.
  void unshare_soon(std::shared_ptr<Session> session);
  /// The host's consumers hold too much: closes the largest ones here, or this one if it is alone.
  void shed_soon(std::shared_ptr<Session> session);
  /// A session with this many bytes is considered when consumers must be closed.
  static bool is_large(std::size_t bytes) noexcept { return bytes >= 64 * 1024; }
  /// This session's held bytes have become large, or small again.
  void note_holder(Session& session, std::size_t now);
  /// Its consumer's memory between messages has become large, or small again.
  void note_keeper(Session& session, std::size_t now);

  /// A handler waits from now on: allocates its entry, so that resume_soon() needs no memory. Returns the handler's
  /// number, which is not 0.
  std::uint64_t handler_waits() {
    const std::size_t needed = resuming_.size() + waiting_handlers_ + 1;
    if (resuming_.capacity() < needed) resuming_.reserve(2 * needed + 16);
    ++waiting_handlers_;
    return ++handlers_begun_;
  }
  void handler_waits_no_more() noexcept { --waiting_handlers_; }
  /// The handler of this number has finished: Session::resume() runs in a job of its own.
  void resume_soon(std::shared_ptr<Session> session, std::uint64_t handler) noexcept;

  /// Few handlers run at the same time: their memory is reused. It is empty.
  std::unique_ptr<RunningHandler> acquire_handler() {
    if (spares_.empty()) return std::make_unique<RunningHandler>();
    auto work = std::move(spares_.back());
    spares_.pop_back();
    return work;
  }
  void recycle_handler(std::unique_ptr<RunningHandler> work) noexcept {
    work->task = {};
    work->argument.reset();
    work->argument_bytes = 0;
    work->mail.emplace<Message>();  // an assigned one would keep the memory
    if (spares_.size() < most_spares) spares_.push_back(std::move(work));
  }

 private:
  static constexpr std::size_t most_spares = 256;
  using Sessions = std::vector<std::shared_ptr<Session>>;
  struct Resuming {
    std::shared_ptr<Session> session;
    std::uint64_t handler;
  };

  template <class Job>
  void post_for(Sessions& sessions, std::shared_ptr<Session> session, Job job);
  void post_resumption() noexcept;
  void resume_all();
  void shed(const HeldBytes& held, const std::shared_ptr<Session>& otherwise);

  Executor& executor_;
  FrameBuffer& frames_;
  LogThrottle failure_log_;
  LogThrottle event_log_{{.lines = 1}};
  std::deque<std::shared_ptr<Session>> all_;  // each knows its index; a vector may hold twice as many
  Sessions ready_, sharing_;
  std::vector<Resuming> resuming_;
  std::size_t waiting_handlers_ = 0;
  std::uint64_t handlers_begun_ = 0;
  bool resumption_posted_ = false;
  bool shedding_ = false;
  std::unordered_set<Session*> holders_, keepers_;  // with large holdings
  std::vector<std::unique_ptr<RunningHandler>> spares_;
};

}  // namespace sluice::SLUICE_ABI
