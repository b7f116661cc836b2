// SPDX-License-Identifier: MIT
// Resumes a coroutine that awaits a foreign awaitable: on its own executor, or not at all.
#pragma once

#include <coroutine>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

#include "sluice/abi.hpp"
#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI::detail {

// Shared by a coroutine that waits and by the handle that its awaitable resumes. The coroutine may be destroyed first:
// then a late resume does nothing. Any thread.
class SLUICE_API WayHome {
 public:
  void leave(std::coroutine_handle<> awaiting) {
    std::lock_guard lock(mutex_);
    awaiting_ = awaiting;
    executor_ = Executor::current();
  }
  // The coroutine is destroyed, or continues.
  void forget() noexcept {
    std::lock_guard lock(mutex_);
    awaiting_ = {};
  }
  static void resume(const std::shared_ptr<WayHome>& way) {
    {
      std::lock_guard lock(way->mutex_);
      if (!way->awaiting_) return;
      // Posts under the lock: a coroutine that is destroyed meanwhile waits for the lock, so its executor still exists.
      if (way->executor_ && !way->executor_->runs_here()) return way->executor_->post([way] { go_on(*way); });
    }
    go_on(*way);
  }

 private:
  static void go_on(WayHome& way) {
    std::coroutine_handle<> awaiting;
    {
      std::lock_guard lock(way.mutex_);
      awaiting = std::exchange(way.awaiting_, {});
    }
    if (awaiting) awaiting.resume();
  }

  std::mutex mutex_;
  std::coroutine_handle<> awaiting_;
  Executor* executor_ = nullptr;  // null: the coroutine continues where it is resumed
};

// A coroutine whose handle is passed to the awaitable instead of the waiting coroutine's. It ends, and frees itself,
// when it is resumed; an awaitable that never resumes it costs these bytes.
struct Courier {
  struct promise_type {
    Courier get_return_object() noexcept { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() { throw; }
  };
  std::coroutine_handle<promise_type> handle;
};
inline Courier courier(std::shared_ptr<WayHome> way) {
  WayHome::resume(way);
  co_return;
}

template <class Awaitable>
decltype(auto) awaiter_of(Awaitable&& awaitable) {
  if constexpr (requires { std::forward<Awaitable>(awaitable).operator co_await(); }) {
    return std::forward<Awaitable>(awaitable).operator co_await();
  } else if constexpr (requires { operator co_await(std::forward<Awaitable>(awaitable)); }) {
    return operator co_await(std::forward<Awaitable>(awaitable));
  } else {
    return static_cast<Awaitable&&>(awaitable);
  }
}
template <class Awaitable>
using AwaiterOf = decltype(awaiter_of(std::declval<Awaitable>()));

// True for the library's own awaitables: they never resume a destroyed coroutine, and resume on its executor.
template <class Awaitable>
concept LeavesHome = requires(AwaiterOf<Awaitable>& awaiter, std::coroutine_handle<> handle) {
  awaiter.await_suspend(handle);
}
&&!requires { typename std::remove_cvref_t<AwaiterOf<Awaitable>>::ComesHome; };

// Awaits an awaitable that is not the library's.
template <class Awaitable>
class Away {
 public:
  explicit Away(Awaitable&& awaitable) : awaiter_(awaiter_of(std::forward<Awaitable>(awaitable))) {}
  Away(const Away&) = delete;
  Away& operator=(const Away&) = delete;
  ~Away() {
    if (way_) way_->forget();
  }

  bool await_ready() { return awaiter_.await_ready(); }
  decltype(auto) await_resume() { return awaiter_.await_resume(); }
  // Once the awaitable has the handle, this object may be destroyed at any time.
  auto await_suspend(std::coroutine_handle<> awaiting) {
    way_ = std::make_shared<WayHome>();
    way_->leave(awaiting);
    Guard guard{courier(way_).handle};
    using Answer = decltype(awaiter_.await_suspend(std::coroutine_handle<>()));
    if constexpr (std::is_void_v<Answer>) {
      awaiter_.await_suspend(guard.handle);
      guard.handle = {};
    } else if constexpr (std::is_same_v<Answer, bool>) {
      const bool suspended = awaiter_.await_suspend(guard.handle);
      if (suspended) guard.handle = {};
      return suspended;
    } else {
      const std::coroutine_handle<> given = guard.handle;
      const std::coroutine_handle<> next = awaiter_.await_suspend(guard.handle);
      if (next == given) return awaiting;
      guard.handle = {};
      return next;
    }
  }

 private:
  struct Guard {
    std::coroutine_handle<> handle;
    ~Guard() {
      if (handle) handle.destroy();
    }
  };

  AwaiterOf<Awaitable> awaiter_;
  std::shared_ptr<WayHome> way_;
};

}  // namespace sluice::SLUICE_ABI::detail
