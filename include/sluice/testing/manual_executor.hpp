// SPDX-License-Identifier: MIT
// Executors without threads: a test runs their jobs and moves their clock, so nothing sleeps and nothing depends on
// chance.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/core/task.hpp"

namespace sluice::SLUICE_ABI::testing {

class ManualExecutor;

/// Drives one or more ManualExecutors: runs their jobs in the order they were posted, with one clock for all. An
/// exception of a job is thrown by the call that ran it. Every function throws std::logic_error when called from inside
/// a job. One thread at a time; `now`, `idle` and `pending`: any thread.
class SLUICE_API ManualDriver {
 public:
  static constexpr std::size_t endless = 10'000'000;

  /// Runs all due jobs, and those that they post, until none is due. Returns the number of jobs that ran. Past
  /// `at_most` it throws std::logic_error: jobs that post each other for ever.
  std::size_t run_all(std::size_t at_most = endless);
  /// Runs the next job. False: none is due.
  bool run_one();
  /// Runs all due jobs, then moves the clock by this time, and runs each timer at its time. Returns the number of jobs
  /// that ran.
  std::size_t advance(std::chrono::nanoseconds time);
  /// Runs jobs until the condition holds, and waits for jobs of other threads. False: it does not hold, no job is due,
  /// and `patience` in real time has passed.
  [[nodiscard]] bool run_until(const std::function<bool()>& condition,
                               std::chrono::milliseconds patience = std::chrono::seconds(20));

  /// True if no job is due. Timers that wait for the clock do not count.
  bool idle() const;
  /// Jobs that are due.
  std::size_t pending() const;
  /// Timers that wait for the clock.
  std::size_t timers() const;

  /// From now on jobs of different executors run in an order drawn from this seed; each executor keeps its own order.
  void shuffle(unsigned seed);

  /// The nth post from now on, timers among them, throws std::bad_alloc, and no other: 1 is the next, 0 none. For tests
  /// of code that must survive an executor without memory.
  void fail_post(std::size_t nth);
  /// True if the post that must fail has not happened yet.
  bool post_to_fail() const;

 protected:
  class Loop;
  ManualDriver();
  static void must_not_run_in_a_job(std::string_view what);
  explicit ManualDriver(std::shared_ptr<Loop> loop) noexcept;
  ~ManualDriver();

  std::shared_ptr<Loop> loop_;
};

/// An executor that a test drives, and a group of one:
///
///     ManualExecutor executor;
///     InMemoryChannelLayer layer(executor);
///     layer.group_send("lobby", event);
///     executor.run_all();
///     executor.advance(60s);
///
/// post, post_after and now: any thread. The rest as for ManualDriver.
class SLUICE_API ManualExecutor final : public ManualDriver, public Executor, public ExecutorGroup {
 public:
  ManualExecutor();
  ~ManualExecutor() override;

  void post(Function<void()> job) override;
  void post_after(std::chrono::nanoseconds delay, Function<void()> job) override;
  Clock::time_point now() const override;

  std::size_t size() const noexcept override { return 1; }
  ManualExecutor& at(std::size_t) noexcept override { return *this; }

  /// Calls `work()` at once as a job of this executor, and returns its result. A Task is run to its end as by
  /// run_until(), and its value is returned; std::runtime_error when it does not end:
  ///
  ///     auto joined = executor.run([&] { return layer.group_add("lobby", channel); });
  template <class F>
  auto run(F work);
  /// How long `run` waits for other threads, in real time. The default is 20 s.
  void set_patience(std::chrono::milliseconds patience) noexcept { patience_ = patience; }

  /// One of several on the same loop; ManualExecutors makes these.
  explicit ManualExecutor(std::shared_ptr<Loop> loop);

 private:
  template <class T>
  T finish(Task<T> task);
  [[noreturn]] void give_up() const;

  std::chrono::milliseconds patience_ = std::chrono::seconds(20);
};

/// Several ManualExecutors with one driver and one clock. Threads as for ManualExecutor.
class SLUICE_API ManualExecutors final : public ManualDriver, public ExecutorGroup {
 public:
  explicit ManualExecutors(std::size_t size);
  ~ManualExecutors() override;

  std::size_t size() const noexcept override { return executors_.size(); }
  ManualExecutor& at(std::size_t index) noexcept override { return *executors_[index]; }

 private:
  std::vector<std::unique_ptr<ManualExecutor>> executors_;
};

namespace detail {
template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<Task<T>> = true;
}  // namespace detail

template <class F>
auto ManualExecutor::run(F work) {
  must_not_run_in_a_job("ManualExecutor::run");
  using Returned = std::invoke_result_t<F&>;
  if constexpr (detail::is_task<Returned>) {
    return finish([&] {
      const Running running(*this);
      return work();
    }());
  } else {
    const Running running(*this);
    return work();
  }
}

template <class T>
T ManualExecutor::finish(Task<T> task) {
  std::atomic<bool> finished = false;
  const auto wake = [](void* flag) noexcept { static_cast<std::atomic<bool>*>(flag)->store(true); };
  {
    const Running running(*this);
    if (task.start({wake, &finished})) finished = true;  // otherwise another thread may have set it by now
  }
  if (!run_until([&] { return finished.load(); }, patience_)) give_up();
  const Running running(*this);
  Task<T> ending = std::move(task);  // its objects are destroyed here as well
  return ending.take();
}

}  // namespace sluice::SLUICE_ABI::testing
