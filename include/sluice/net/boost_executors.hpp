// SPDX-License-Identifier: MIT
// Boost.Asio's io_contexts as executors: for consumers, layers and a transport of your own in a program that runs
// Boost.Asio. Optional: no other header of Sluice needs Boost, and the library is not compiled with it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "sluice/abi.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/core/log.hpp"

namespace sluice::SLUICE_ABI {

/// An executor on a Boost io_context that one thread runs, or several: it is a strand. All jobs that wait when it has
/// its turn run in that turn. A job that throws is logged; the jobs behind it run.
///
/// The io_context outlives it. Destroy it when the io_context no longer runs, or in the only thread that runs it and
/// outside the executor's jobs: jobs that have not run are then destroyed. Threads as for Executor.
class SLUICE_API BoostExecutor final : public Executor {
 public:
  explicit BoostExecutor(boost::asio::io_context& context) : state_(std::make_shared<State>(*this, context)) {}
  ~BoostExecutor() override {
    const Running running(*this);
    while (state_->drop()) continue;  // what jobs own may post while it is destroyed
    drop_locals();
    while (state_->drop()) continue;
  }

  void post(Function<void()> job) override { State::post(state_, std::move(job)); }
  void post_after(std::chrono::nanoseconds delay, Function<void()> job) override {
    State::post_after(state_, delay, std::move(job));
  }
  Clock::time_point now() const override { return Clock::now(); }

 private:
  friend class BoostExecutors;
  using Jobs = std::vector<Function<void()>>;

  // False: there was nothing to destroy.
  bool drop_jobs() {
    const Running running(*this);
    return state_->drop();
  }

  // Shared with the handlers that wait in the io_context, which may outlive the executor.
  struct State {
    struct Timer {
      boost::asio::steady_timer timer;
      Function<void()> job;
    };

    State(BoostExecutor& owner, boost::asio::io_context& runs_on)
        : executor(&owner), context(runs_on), strand(runs_on.get_executor()) {}

    static void post(const std::shared_ptr<State>& state, Function<void()> job) {
      Function<void()> unposted;  // destroyed without the lock: what it owns may post
      std::lock_guard lock(state->mutex);
      state->jobs.push_back(std::move(job));
      if (state->jobs.size() > 1) return;  // a turn is on its way
      try {
        boost::asio::post(state->strand, [state] { state->run_turn(); });
      } catch (...) {
        unposted = std::move(state->jobs.back());
        state->jobs.pop_back();
        throw;
      }
    }
    static void post_after(const std::shared_ptr<State>& state, std::chrono::nanoseconds delay, Function<void()> job) {
      std::map<std::uint64_t, Timer>::node_type unposted;
      std::lock_guard lock(state->mutex);
      const std::uint64_t number = ++state->timers_made;
      Timer& made = state->timers.try_emplace(number, Timer{boost::asio::steady_timer(state->context), std::move(job)})
                        .first->second;
      try {
        made.timer.expires_after(std::max(delay, std::chrono::nanoseconds(0)));
        made.timer.async_wait(boost::asio::bind_executor(
            state->strand, [state, number](const boost::system::error_code&) { state->run_due(number); }));
      } catch (...) {
        unposted = state->timers.extract(number);
        throw;
      }
    }
    // On the strand. It allocates nothing: the job of a timer can't be lost.
    void run_due(std::uint64_t number) {
      std::map<std::uint64_t, Timer>::node_type due;
      {
        std::lock_guard lock(mutex);
        due = timers.extract(number);
      }
      if (due.empty()) return;  // the executor is gone
      const Running running(*executor);
      run(due.mapped().job);
      due.mapped().job = nullptr;
    }
    void run_turn() {
      Jobs turn;
      {
        std::lock_guard lock(mutex);
        turn.swap(jobs);
      }
      if (turn.empty()) return;  // the executor is gone
      const Running running(*executor);
      for (Function<void()>& job : turn) {
        run(job);
        job = nullptr;  // a job's memory ends with it, not with its turn
      }
    }
    static void run(Function<void()>& job) noexcept {
      try {
        job();
      } catch (const std::exception& error) {
        log(LogLevel::error, std::string("a job of an executor threw: ") + error.what());
      } catch (...) {
        log(LogLevel::error, "a job of an executor threw");
      }
    }
    // False: there was nothing to destroy.
    bool drop() {
      Jobs doomed;
      std::map<std::uint64_t, Timer> doomed_timers;
      std::lock_guard lock(mutex);
      doomed.swap(jobs);
      doomed_timers.swap(timers);
      return !doomed.empty() || !doomed_timers.empty();
    }

    BoostExecutor* const executor;
    boost::asio::io_context& context;
    boost::asio::strand<boost::asio::io_context::executor_type> strand;
    std::mutex mutex;
    Jobs jobs;
    std::map<std::uint64_t, Timer> timers;
    std::uint64_t timers_made = 0;
  };

  const std::shared_ptr<State> state_;
};

/// A group of executors on Boost io_contexts, one for each time that one is named:
///
///     boost::asio::io_context loop;
///     sluice::BoostExecutors executors({loop});
///     sluice::InMemoryChannelLayer layer(executors);
///
/// Each io_context has to meet what BoostExecutor requires of its own. Any thread.
class SLUICE_API BoostExecutors final : public ExecutorGroup {
 public:
  /// Throws std::invalid_argument for none or more than max_size.
  explicit BoostExecutors(const std::vector<std::reference_wrapper<boost::asio::io_context>>& contexts) {
    if (contexts.empty() || contexts.size() > max_size) {
      throw std::invalid_argument("BoostExecutors: there may be 1 to 64 io_contexts");
    }
    for (boost::asio::io_context& context : contexts) executors_.push_back(std::make_unique<BoostExecutor>(context));
  }
  BoostExecutors(const BoostExecutors&) = delete;
  BoostExecutors& operator=(const BoostExecutors&) = delete;
  ~BoostExecutors() override {
    use_count().end();
    // The jobs of all are destroyed before the first executor: what they own may post to any of them.
    for (bool dropped = true; dropped;) {
      dropped = false;
      for (const auto& executor : executors_) dropped |= executor->drop_jobs();
    }
  }

  std::size_t size() const noexcept override { return executors_.size(); }
  Executor& at(std::size_t index) noexcept override { return *executors_[index]; }

 private:
  std::vector<std::unique_ptr<BoostExecutor>> executors_;
};

}  // namespace sluice::SLUICE_ABI
