// SPDX-License-Identifier: MIT
// What a handler returns: work that is finished already, or a coroutine that will finish later.
#pragma once

#include <atomic>
#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "sluice/abi.hpp"
#include "sluice/core/way_home.hpp"

namespace sluice::SLUICE_ABI {

/// The callback that is called once when a task has finished. An awaiting coroutine is one kind of waiter, a session's
/// pump another. A value.
struct Waiter {
  void (*wake)(void* who) noexcept = nullptr;
  void* who = nullptr;
};

template <class T>
class Task;

namespace detail {

template <class T>
class Awaited {
 public:
  explicit Awaited(Task<T>& task) noexcept : task_(task) {}
  bool await_ready() const noexcept { return task_.await_ready(); }
  bool await_suspend(std::coroutine_handle<> awaiting) { return task_.await_suspend(awaiting); }
  T await_resume() { return task_.await_resume(); }

 private:
  Task<T>& task_;
};

// g++ 12 does not make symmetric transfer a tail call below -O2 nor under its sanitizers: a loop of awaits that finish
// at once would overflow the stack. So a child is started inside await_suspend. The child's end and the parent's check
// meet in one atomic exchange of `met`, and the second of the two continues.
class SLUICE_API TaskPromiseBase {
 public:
  std::suspend_always initial_suspend() noexcept { return {}; }

  struct Last {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) noexcept {
      TaskPromiseBase& promise = self.promise();
      Waiter waiter = promise.waiter_;  // the frame may be destroyed once the other side sees `met`
      if (promise.met_.exchange(true, std::memory_order_acq_rel)) waiter.wake(waiter.who);
    }
    void await_resume() noexcept {}
  };
  Last final_suspend() noexcept { return {}; }

  // A task is awaited where it lies: g++ 12 would copy an awaiter that is given to it by reference.
  template <class T>
  static Awaited<T> await_transform(Task<T>& task) noexcept {
    return Awaited<T>(task);
  }
  template <class T>
  static Awaited<T> await_transform(Task<T>&& task) noexcept {
    return Awaited<T>(task);
  }
  // A foreign awaitable is wrapped, so that a handler is resumed only on its own executor, and never after its
  // destruction.
  template <class Awaitable>
  static decltype(auto) await_transform(Awaitable&& awaitable) {
    if constexpr (LeavesHome<Awaitable>) {
      return Away<Awaitable>(std::forward<Awaitable>(awaitable));
    } else {
      return static_cast<Awaitable&&>(awaitable);
    }
  }

  template <class Handle>
  static bool start(Handle self, Waiter waiter) {
    TaskPromiseBase& promise = self.promise();
    promise.waiter_ = waiter;
    self.resume();
    return promise.met_.exchange(true, std::memory_order_acq_rel);
  }

 private:
  Waiter waiter_;
  std::atomic<bool> met_{false};
};

template <class T>
class TaskPromise : public TaskPromiseBase {
 public:
  Task<T> get_return_object() noexcept;
  void return_value(T value) { outcome_.template emplace<1>(std::move(value)); }
  void unhandled_exception() noexcept { outcome_.template emplace<2>(std::current_exception()); }
  T take() {
    if (auto* error = std::get_if<2>(&outcome_)) std::rethrow_exception(*error);
    return std::move(std::get<1>(outcome_));
  }

 private:
  std::variant<std::monostate, T, std::exception_ptr> outcome_;
};

template <>
class TaskPromise<void> : public TaskPromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void unhandled_exception() noexcept { error_ = std::current_exception(); }
  void take() {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
};

// What Task<T> and Task<void> have in common: the coroutine, if there is one.
template <class T>
class TaskHandle {
 public:
  using promise_type = TaskPromise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  TaskHandle() noexcept = default;
  explicit TaskHandle(Handle handle) noexcept : handle_(handle) {}
  TaskHandle(TaskHandle&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  TaskHandle& operator=(TaskHandle&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~TaskHandle() {
    if (handle_) handle_.destroy();
  }

  explicit operator bool() const noexcept { return bool(handle_); }
  bool start(Waiter waiter) { return !handle_ || TaskPromiseBase::start(handle_, waiter); }
  bool start_and_resume(std::coroutine_handle<> awaiting) {
    return start({[](void* who) noexcept { std::coroutine_handle<>::from_address(who).resume(); }, awaiting.address()});
  }
  T take() { return handle_.promise().take(); }

 private:
  Handle handle_{};
};

}  // namespace detail

/// Lazy work with one awaiter. A function may end with `return {};` (a Task<> that is finished already) or with `return
/// value;` (a finished Task<T>), and then nothing is allocated; or it is a coroutine that may co_await. Arguments
/// passed by reference must live until the task has finished. Destroying a suspended task ends it there. Whatever a
/// coroutine awaits, it continues on the executor where it waited; without one, on the resuming thread. An awaitable of
/// your own may resume a coroutine that was destroyed meanwhile: that does nothing. But the awaiter is destroyed with
/// the coroutine, and must not be used after that. One thread at a time.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;

  template <class U = T>
  requires std::is_convertible_v<U, T> Task(U&& value) : value_(std::in_place, std::forward<U>(value)) {}
  explicit Task(std::coroutine_handle<promise_type> handle) noexcept : coroutine_(handle) {}

  /// Runs it until it finishes or suspends. True: finished, the waiter is not called. False: the waiter is called once,
  /// later, by the thread that finishes it. Call once.
  bool start(Waiter waiter) { return coroutine_.start(waiter); }
  /// The value of a finished task, or its exception. Call once, after it has finished.
  T take() { return value_ ? std::move(*value_) : coroutine_.take(); }

  bool await_ready() const noexcept { return !coroutine_; }
  bool await_suspend(std::coroutine_handle<> awaiting) { return !coroutine_.start_and_resume(awaiting); }
  T await_resume() { return take(); }

 private:
  std::optional<T> value_;
  detail::TaskHandle<T> coroutine_;
};

template <>
class [[nodiscard]] Task<void> {
 public:
  using promise_type = detail::TaskPromise<void>;

  Task() noexcept = default;
  explicit Task(std::coroutine_handle<promise_type> handle) noexcept : coroutine_(handle) {}

  /// Finished from the start: a plain function made it.
  bool finished() const noexcept { return !coroutine_; }
  bool start(Waiter waiter) { return coroutine_.start(waiter); }
  void take() {
    if (coroutine_) coroutine_.take();
  }

  bool await_ready() const noexcept { return !coroutine_; }
  bool await_suspend(std::coroutine_handle<> awaiting) { return !coroutine_.start_and_resume(awaiting); }
  void await_resume() { take(); }

 private:
  detail::TaskHandle<void> coroutine_;
};

namespace detail {
template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}
}  // namespace detail

}  // namespace sluice::SLUICE_ABI
