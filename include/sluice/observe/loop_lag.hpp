// SPDX-License-Identifier: MIT
// How late an executor's timers are: what a handler that blocks, or too much work, does to all its connections.
#pragma once

#include <chrono>
#include <memory>

#include "sluice/abi.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/observe/metrics_text.hpp"

namespace sluice::SLUICE_ABI {

/// Sets a timer on each executor of a group, again and again, and measures how late it is:
///
///     sluice::LoopLag lag(executors);
///     ...
///     text.add(lag);
///
/// The timers end with this object, which may end before or after the executors. Any thread.
class SLUICE_API LoopLag {
 public:
  explicit LoopLag(ExecutorGroup& executors, std::chrono::milliseconds every = std::chrono::milliseconds(250));
  LoopLag(const LoopLag&) = delete;
  LoopLag& operator=(const LoopLag&) = delete;
  ~LoopLag();

  /// sluice_loop_lag_seconds, with the label `executor`, its number in the group.
  void add_to(MetricsText& text, const MetricsText::Labels& labels = {}) const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace sluice::SLUICE_ABI
