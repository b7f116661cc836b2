// SPDX-License-Identifier: MIT
#include "integration/support/loop_executors.hpp"
#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::testing {

LoopExecutor::LoopExecutor() : thread_([this] { loop(); }) {}

LoopExecutor::~LoopExecutor() { stop(); }

void LoopExecutor::stop() {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
    wake_.notify_one();
  }
  thread_.join();
}

void LoopExecutor::post(Function<void()> job) {
  std::lock_guard lock(mutex_);
  if (stopping_) return;
  jobs_.push_back(std::move(job));
  wake_.notify_one();
}

void LoopExecutor::post_after(std::chrono::nanoseconds delay, Function<void()> job) {
  std::lock_guard lock(mutex_);
  if (stopping_) return;
  timers_.emplace(now() + delay, std::move(job));
  wake_.notify_one();
}

void LoopExecutor::loop() {
  const Running running(*this);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    while (!timers_.empty() && timers_.begin()->first <= now()) {
      jobs_.push_back(std::move(timers_.begin()->second));
      timers_.erase(timers_.begin());
    }
    if (jobs_.empty()) {
      if (timers_.empty()) {
        wake_.wait(lock);
      } else {
        wake_.wait_until(lock, timers_.begin()->first);
      }
      continue;
    }
    Function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
  auto jobs = std::exchange(jobs_, {});
  auto timers = std::exchange(timers_, {});
  lock.unlock();
  jobs.clear();
  timers.clear();
  drop_locals();
}

LoopExecutors::LoopExecutors(std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) executors_.push_back(std::make_unique<LoopExecutor>());
}

LoopExecutors::~LoopExecutors() {
  for (const auto& executor : executors_) executor->stop();
}

void LoopExecutors::settle() {
  for (int round = 0; round < 3; ++round) {
    for (const auto& executor : executors_) executor->call([] {});
  }
}

}  // namespace sluice::SLUICE_ABI::testing
