// SPDX-License-Identifier: MIT
// Handles the destruction of an inbox while a receive() waits.
#pragma once

#include <mutex>
#include <optional>
#include <utility>

#include "layer/hub/waiting_line.hpp"
#include "sluice/core/error.hpp"

namespace sluice::SLUICE_ABI {

/// Shared by an inbox and its receive(), of which either may end first. Any thread.
class ReaderLife {
 public:
  /// Notes what the receive() waits for. False: the inbox is destroyed, so it must not wait.
  [[nodiscard]] bool waits_for(const WaitingLine::WakeUp& woken) {
    std::lock_guard lock(mutex_);
    if (!over_) waiting_ = woken;
    return !over_;
  }
  bool over() const {
    std::lock_guard lock(mutex_);
    return over_;
  }
  void end() noexcept {
    std::optional<WaitingLine::WakeUp> waiting;
    {
      std::lock_guard lock(mutex_);
      over_ = true;
      waiting.swap(waiting_);
    }
    try {
      if (waiting) waiting->resolve({});
    } catch (...) {  // no memory for the job: the channel's next event wakes it
    }
  }
  static Error error() { return {ErrorCode::channel_closed, "receive: its inbox was destroyed"}; }

 private:
  mutable std::mutex mutex_;
  bool over_ = false;
  std::optional<WaitingLine::WakeUp> waiting_;
};

}  // namespace sluice::SLUICE_ABI
