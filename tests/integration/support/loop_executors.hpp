// SPDX-License-Identifier: MIT
// Executors with real threads and no sockets, for what only threads can break.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI::testing {

/// A thread with a queue and timers. As for Executor.
class LoopExecutor final : public Executor {
 public:
  LoopExecutor();
  ~LoopExecutor() override;

  void post(Function<void()> job) override;
  void post_after(std::chrono::nanoseconds delay, Function<void()> job) override;
  Clock::time_point now() const override { return Clock::now(); }

  /// Runs the job on the thread and waits for it; not from inside a job.
  template <class F>
  auto call(F work) {
    std::packaged_task<decltype(work())()> task(std::move(work));
    auto done = task.get_future();
    post([&task] { task(); });
    return done.get();
  }
  /// Finishes the job at hand, drops the others, and joins the thread.
  void stop();

 private:
  void loop();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Function<void()>> jobs_;
  std::multimap<Clock::time_point, Function<void()>> timers_;
  bool stopping_ = false;
  std::thread thread_;
};

/// Several of them. As for ExecutorGroup.
class LoopExecutors final : public ExecutorGroup {
 public:
  explicit LoopExecutors(std::size_t size);
  ~LoopExecutors() override;

  std::size_t size() const noexcept override { return executors_.size(); }
  LoopExecutor& at(std::size_t index) noexcept override { return *executors_[index]; }
  /// Waits until what was posted before has run, also what it posted to the others.
  void settle();
  /// Waits until the condition holds, which is asked between jobs. False: it never did, for a minute.
  template <class F>
  [[nodiscard]] bool settle_until(F condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      settle();
    }
    return true;
  }

 private:
  std::vector<std::unique_ptr<LoopExecutor>> executors_;
};

}  // namespace sluice::SLUICE_ABI::testing
