// SPDX-License-Identifier: MIT
#include "sluice/testing/manual_executor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <random>
#include <stdexcept>

namespace sluice::SLUICE_ABI::testing {

using Clock = Executor::Clock;

// One queue for all executors of a driver, so that jobs run in the order they were posted, also across executors.
class ManualDriver::Loop {
 public:
  struct Job {
    ManualExecutor* executor;
    Function<void()> work;
  };

  void post(ManualExecutor& executor, Function<void()> work) {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    count_down_to_failure();
    jobs_.push_back({&executor, std::move(work)});
    posted_.notify_all();
  }

  void post_after(ManualExecutor& executor, std::chrono::nanoseconds delay, Function<void()> work) {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    count_down_to_failure();
    // A time after the clock's end would overflow into the past.
    const auto due = now_ + std::clamp<std::chrono::nanoseconds>(delay, std::chrono::nanoseconds(0),
                                                                 Executor::Clock::time_point::max() - now_);
    timers_.emplace(due, Job{&executor, std::move(work)});
    posted_.notify_all();
  }

  bool run_one() {
    std::optional<Job> job = take();
    if (!job) return false;
    job->executor->run([&] {
      job->work();
      job->work = nullptr;  // its objects are destroyed on its executor too
    });
    return true;
  }

  // Moves the clock to the next timer, but not past `end`. False: there was none, the clock is at `end`.
  bool next_timer(Clock::time_point end) {
    std::lock_guard lock(mutex_);
    const bool found = !timers_.empty() && timers_.begin()->first <= end;
    now_ = found ? std::max(now_, timers_.begin()->first) : end;
    return found;
  }

  void wait_for_a_post() {
    std::unique_lock lock(mutex_);
    if (jobs_.empty()) posted_.wait_for(lock, std::chrono::milliseconds(2));
  }

  Clock::time_point now() const {
    std::lock_guard lock(mutex_);
    return now_;
  }
  std::size_t pending() const {
    std::lock_guard lock(mutex_);
    return jobs_.size() + static_cast<std::size_t>(std::distance(timers_.begin(), timers_.upper_bound(now_)));
  }
  std::size_t timers() const {
    std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::distance(timers_.upper_bound(now_), timers_.end()));
  }
  void shuffle(unsigned seed) {
    std::lock_guard lock(mutex_);
    dice_.emplace(seed);
  }
  void fail_post(std::size_t nth) {
    std::lock_guard lock(mutex_);
    fail_in_ = nth;
  }
  bool post_to_fail() const {
    std::lock_guard lock(mutex_);
    return fail_in_ > 0;
  }

  // Destroys all jobs, each on its executor, also those that are posted by what the jobs owned.
  void close() {
    while (std::optional<Job> job = take_any()) {
      job->executor->run([&] { job->work = nullptr; });
    }
    std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  std::optional<Job> take() {
    std::lock_guard lock(mutex_);
    while (!timers_.empty() && timers_.begin()->first <= now_) {
      jobs_.push_back(std::move(timers_.begin()->second));
      timers_.erase(timers_.begin());
    }
    return take_from_queue();
  }

  std::optional<Job> take_any() {
    std::lock_guard lock(mutex_);
    for (auto& [due, job] : timers_) jobs_.push_back(std::move(job));
    timers_.clear();
    return take_from_queue();
  }

  std::optional<Job> take_from_queue() {
    if (jobs_.empty()) return std::nullopt;
    auto chosen = jobs_.begin();
    if (dice_) {
      const ManualExecutor* executor = jobs_[(*dice_)() % jobs_.size()].executor;
      chosen = std::ranges::find(jobs_, executor, &Job::executor);
    }
    Job job = std::move(*chosen);
    jobs_.erase(chosen);
    return job;
  }

  void count_down_to_failure() {
    if (fail_in_ > 0 && --fail_in_ == 0) throw std::bad_alloc();
  }

  mutable std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<Job> jobs_;
  std::multimap<Clock::time_point, Job> timers_;
  Clock::time_point now_{std::chrono::hours(1000)};  // far from zero, so that an hour before is valid
  std::optional<std::minstd_rand> dice_;
  std::size_t fail_in_ = 0;  // posts; 0: never
  bool closed_ = false;
};

ManualDriver::ManualDriver() : loop_(std::make_shared<Loop>()) {}
ManualDriver::ManualDriver(std::shared_ptr<Loop> loop) noexcept : loop_(std::move(loop)) {}
ManualDriver::~ManualDriver() = default;

std::size_t ManualDriver::run_all(std::size_t at_most) {
  must_not_run_in_a_job("ManualDriver::run_all");
  std::size_t ran = 0;
  while (loop_->run_one()) {
    if (++ran > at_most) {
      throw std::logic_error(fmt::format("run_all: still busy after {} jobs; do jobs post each other for ever?", ran));
    }
  }
  return ran;
}

bool ManualDriver::run_one() {
  must_not_run_in_a_job("ManualDriver::run_one");
  return loop_->run_one();
}

std::size_t ManualDriver::advance(std::chrono::nanoseconds time) {
  const Clock::time_point end = loop_->now() + time;
  std::size_t ran = run_all();
  while (loop_->next_timer(end)) ran += run_all();
  return ran;
}

bool ManualDriver::run_until(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  must_not_run_in_a_job("ManualDriver::run_until");
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (loop_->run_one()) continue;
    if (std::chrono::steady_clock::now() >= give_up) return false;
    loop_->wait_for_a_post();
  }
  return true;
}

bool ManualDriver::idle() const { return loop_->pending() == 0; }
std::size_t ManualDriver::pending() const { return loop_->pending(); }
std::size_t ManualDriver::timers() const { return loop_->timers(); }
void ManualDriver::shuffle(unsigned seed) { loop_->shuffle(seed); }

void ManualDriver::fail_post(std::size_t nth) { loop_->fail_post(nth); }
bool ManualDriver::post_to_fail() const { return loop_->post_to_fail(); }

void ManualDriver::must_not_run_in_a_job(std::string_view what) {
  if (Executor::current()) throw std::logic_error(fmt::format("{}: called from inside a job", what));
}

ManualExecutor::ManualExecutor() = default;
ManualExecutor::ManualExecutor(std::shared_ptr<Loop> loop) : ManualDriver(std::move(loop)) {}

ManualExecutor::~ManualExecutor() {
  loop_->close();
  const Running running(*this);
  drop_locals();
}

void ManualExecutor::post(Function<void()> job) { loop_->post(*this, std::move(job)); }
void ManualExecutor::post_after(std::chrono::nanoseconds delay, Function<void()> job) {
  loop_->post_after(*this, delay, std::move(job));
}
Clock::time_point ManualExecutor::now() const { return loop_->now(); }

void ManualExecutor::give_up() const {
  throw std::runtime_error(fmt::format(
      "ManualExecutor::run: the task does not end; no job is due, and {} timer(s) wait for advance()", timers()));
}

ManualExecutors::ManualExecutors(std::size_t size) {
  if (size == 0 || size > max_size) {
    throw std::invalid_argument(fmt::format("ManualExecutors: from 1 to {}, not {}", max_size, size));
  }
  for (std::size_t i = 0; i < size; ++i) executors_.push_back(std::make_unique<ManualExecutor>(loop_));
}

ManualExecutors::~ManualExecutors() { loop_->close(); }

}  // namespace sluice::SLUICE_ABI::testing
