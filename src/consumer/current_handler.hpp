// SPDX-License-Identifier: MIT
// The handler that a session runs now: its arguments, and its task while it waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "consumer/held_bytes.hpp"
#include "consumer/live_sessions.hpp"
#include "consumer/mailbox.hpp"
#include "sluice/core/task.hpp"

namespace sluice::SLUICE_ABI {

/// There is none most of the time; then it is one pointer. The executor's state is passed with each call. Its executor
/// only.
class CurrentHandler {
 public:
  /// A handler's task waits: nothing else of this session may run.
  bool waits() const noexcept { return running_ && running_->number != 0; }
  /// True for the waiting handler of this number. An older one may have been destroyed.
  bool is(std::uint64_t number) const noexcept { return running_ && running_->number == number; }
  std::uint64_t number() const noexcept { return running_->number; }

  /// Allocates room for a handler's mail, before it is taken from the mailbox.
  RunningHandler& prepare(LiveSessions& home) {
    if (!running_) running_ = home.acquire_handler();
    return *running_;
  }
  const RunningHandler& running() const noexcept { return *running_; }
  /// Keeps an object that the task refers to until it has finished, beside earlier ones.
  void keep(std::shared_ptr<const void> referred, std::size_t bytes, LiveSessions& home);
  /// Starts the task, which has not finished yet. True: it has now; take_result() follows. False: it waits, and calls
  /// `waiter` once. When it throws nothing has changed.
  bool start(Task<> task, Waiter waiter, LiveSessions& home);
  /// The task has finished: rethrows its exception.
  void take_result(LiveSessions& home);

  /// Bytes of mail and arguments that are counted while the handler waits.
  std::size_t held_bytes() const noexcept { return running_ ? running_->held : 0; }
  void count_held(HeldBytes& held) noexcept;
  /// Destroys the task and what it refers to. An idle session holds nothing of its last handler.
  void release(HeldBytes& held, LiveSessions& home) noexcept {
    if (!running_) return;
    if (running_->held > 0) held.subtract(std::exchange(running_->held, 0));
    if (std::exchange(running_->number, 0) != 0) home.handler_waits_no_more();
    home.recycle_handler(std::move(running_));
  }

 private:
  std::unique_ptr<RunningHandler> running_;
};

}  // namespace sluice::SLUICE_ABI
