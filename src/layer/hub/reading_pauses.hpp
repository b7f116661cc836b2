// SPDX-License-Identifier: MIT
// Pauses a bus's reading while the hub has no room.
#pragma once

#include <list>
#include <memory>

#include "layer/hub/hub.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/core/function.hpp"

namespace sluice::SLUICE_ABI {

/// Calls back once the hub has room. Its executor only.
class ReadingPauses : public std::enable_shared_from_this<ReadingPauses> {
 public:
  ReadingPauses(Executor& executor, std::shared_ptr<Hub> hub) : executor_(executor), hub_(std::move(hub)) {}

  void add(Function<void()> resume) {
    waiting_.push_back(std::move(resume));
    look_later();
  }
  /// Polls with a timer: deliveries that make room pay nothing for it. Without memory for the timer, the owner's next
  /// tick calls this.
  void look_later() noexcept;
  /// Makes no further callback.
  void end() noexcept { waiting_.clear(); }

 private:
  void look() noexcept;

  Executor& executor_;
  const std::shared_ptr<Hub> hub_;
  std::list<Function<void()>> waiting_;
  bool timer_is_set_ = false;
};

}  // namespace sluice::SLUICE_ABI
