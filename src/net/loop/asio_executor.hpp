// SPDX-License-Identifier: MIT
// One executor on one io_context.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <asio/any_io_executor.hpp>
#include <asio/basic_waitable_timer.hpp>
#include <asio/io_context.hpp>

#include "net/loop/operation_memory.hpp"
#include "net/loop/timer_queue.hpp"
#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI::net {

/// Jobs are collected and run in turns: one turn behind a handler of ours, or in a handler of its own, however many
/// jobs. At the end of a turn run the jobs of run_last(): connections then write the messages of the turn's jobs.
///
/// Where several threads may run the io_context, this is a strand: at most one of them runs a turn at any time, and
/// jobs of the others are queued for the next turn. A context that one own thread runs does not pay for it.
class AsioExecutor final : public Executor {
 public:
  /// The threads that run the io_context.
  enum class RunBy : std::uint8_t { one_thread, any_threads };

  explicit AsioExecutor(asio::io_context& context, RunBy run_by = RunBy::any_threads);
  ~AsioExecutor() override;

  void post(Function<void()> job) override;
  void post_after(std::chrono::nanoseconds delay, Function<void()> job) override;
  Clock::time_point now() const override { return Clock::now(); }

  /// Runs `last` once, at the end of this turn: after the jobs that wait now. It must not call user code. Its executor
  /// only.
  void at_end_of_turn(Function<void()> last);
  /// Runs the jobs for the end of a turn, after the executor has stopped.
  void end_turn();
  /// Destroys waiting jobs without running them, after the executor has stopped; false: there were none. They may have
  /// posted more.
  bool drop_jobs() noexcept;
  /// Jobs that wait for their time; for tests. Its executor only.
  std::size_t timers() const noexcept { return timers_.size(); }
  asio::io_context& context() noexcept { return context_; }
  /// For Asio objects whose operations have several steps: each step runs in a turn of this executor.
  asio::any_io_executor for_asio() noexcept;
  /// For handlers of Asio's objects on context(): runs `work` in a turn of this executor, which is now unless another
  /// thread is in one. `work` must own what it refers to.
  template <class F>
  void run(F work) {
    if (run_by_ == RunBy::any_threads) return run_in_turn(std::move(work));
    const Handling handling(*this);
    work();
  }
  /// For code that is no handler of Asio, but runs on its thread.
  [[nodiscard]] auto enter() noexcept { return Running(*this); }
  /// For code that destroys this executor's objects after the context has stopped. Several threads may call it: one
  /// waits for the other.
  [[nodiscard]] auto take_over() {
    struct TakenOver {
      std::unique_lock<std::recursive_mutex> alone;
      Running running;
    };
    return TakenOver{std::unique_lock(taken_over_), Running(*this)};
  }

  /// Every handler of ours has one while it runs. Jobs that the handler posts run right behind it: in a turn of their
  /// own Asio would poll its sockets first, which is a system call.
  class Handling {
   public:
    explicit Handling(AsioExecutor& executor) noexcept
        : running_(executor), executor_(executor), brings_turn_(!std::exchange(executor.turn_comes_, true)) {}
    Handling(const Handling&) = delete;
    Handling& operator=(const Handling&) = delete;
    ~Handling() {
      if (brings_turn_) executor_.turn();
    }

   private:
    Running running_;
    AsioExecutor& executor_;
    const bool brings_turn_;
  };

 private:
  using Jobs = std::vector<Function<void()>>;
  using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, asio::io_context::executor_type>;

  void schedule_turn();
  void announce_inbox(std::uint64_t inbox, std::size_t place);
  bool run_turn();
  void defer_turn();
  void turn() noexcept;
  void run_in_turn(Function<void()> work);
  bool stay_for_more() noexcept;
  static void run_all(Jobs& jobs) noexcept;
  static void run_one(Function<void()>& job) noexcept;
  void arm_timer(Clock::time_point next);
  void timer_rings() noexcept;
  void run_due() noexcept;

  asio::io_context& context_;
  const RunBy run_by_;
  Jobs jobs_;     // posted by this executor's own code
  Jobs last_;     // for the end of the turn
  Jobs running_;  // the current ones, so that the vectors' memory is reused
  bool turn_comes_ = false;
  std::mutex inbox_mutex_;
  Jobs inbox_;                 // posted by other threads
  std::uint64_t inboxes_ = 0;  // the number that were taken
  bool timer_rang_ = false;    // with any_threads: its jobs run in the next turn
  // A turn will take it; with any_threads also as long as a turn runs.
  bool inbox_announced_ = false;
  std::recursive_mutex taken_over_;
  // Turns and timers of an executor that runs already begin without an allocation.
  OperationMemory turn_memory_, inbox_memory_;
  std::unique_ptr<OperationMemory> timer_memory_ = std::make_unique<OperationMemory>();
  TimerQueue timers_;
  Timer timer_;
  std::optional<Clock::time_point> armed_for_;
};

}  // namespace sluice::SLUICE_ABI::net
