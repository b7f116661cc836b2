// SPDX-License-Identifier: MIT
// Where code runs: one job at a time, in the order they were posted. A thread with an event loop, or a test.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/function.hpp"
#include "sluice/core/use_count.hpp"

namespace sluice::SLUICE_ABI {

/// Runs jobs one at a time, in order. post, post_after, now and runs_here: any thread. local: its executor only.
class SLUICE_API Executor {
 public:
  using Clock = std::chrono::steady_clock;

  Executor() = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  virtual ~Executor() = default;

  /// Runs the job later, never inside this call. Jobs posted by one thread run in its order.
  virtual void post(Function<void()> job) = 0;
  /// Runs the job once `delay` has passed. There is no cancel: let the job hold a weak pointer to what it needs.
  virtual void post_after(std::chrono::nanoseconds delay, Function<void()> job) = 0;
  /// This executor's clock. A test's executor has a clock that the test moves.
  virtual Clock::time_point now() const = 0;
  /// Is the calling code run by this executor?
  bool runs_here() const noexcept { return current() == this; }

  /// The executor that runs the calling code, or null.
  static Executor* current() noexcept { return current_; }

  /// The one T that belongs to this executor, made with `new T(*this)` or `new T()` when first asked for. Rooms keep a
  /// buffer or a table per executor in it, without a lock.
  template <class T>
  T& local();

  /// Code that runs while one of these exists counts as run by the executor. An implementation holds one while it runs
  /// jobs, and while it destroys what is left on a stopped executor.
  class Running {
   public:
    explicit Running(Executor& executor) noexcept : before_(std::exchange(current_, &executor)) {}
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { current_ = before_; }

   private:
    Executor* before_;
  };

 protected:
  /// Destroys the locals. An implementation calls it after the last job, before its own parts are destroyed.
  void drop_locals() noexcept { locals_.clear(); }

 private:
  struct Local {
    const std::type_info&
        type;  // not the address of a variable: a program and its shared libraries would have one each
    std::shared_ptr<void> value;
  };

  static thread_local Executor* current_;
  std::vector<Local> locals_;
};

/// Several executors as one place to run a server: fixed in number from start to end, at most 64. Any thread.
class SLUICE_API ExecutorGroup {
 public:
  static constexpr std::size_t max_size = 64;

  virtual ~ExecutorGroup() = default;
  virtual std::size_t size() const noexcept = 0;
  /// The executor number `index`, from 0 to size() - 1; it lives as long as the group.
  virtual Executor& at(std::size_t index) noexcept = 0;
  /// For objects that are built on the group and must be destroyed before it: servers and channel layers.
  const UseCount& use_count() const noexcept { return use_count_; }

 private:
  UseCount use_count_{"the group of executors"};
};

template <class T>
T& Executor::local() {
  for (const Local& local : locals_) {
    if (&local.type == &typeid(T) || local.type == typeid(T)) return *static_cast<T*>(local.value.get());
  }
  std::shared_ptr<T> made;
  if constexpr (std::is_constructible_v<T, Executor&>) {
    made = std::make_shared<T>(*this);
  } else {
    made = std::make_shared<T>();
  }
  locals_.push_back({typeid(T), made});
  return *made;
}

}  // namespace sluice::SLUICE_ABI
