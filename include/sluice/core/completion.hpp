// SPDX-License-Identifier: MIT
// The bridge from a callback, on any thread, to co_await.
#pragma once

#include <atomic>
#include <cassert>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <variant>

#include "sluice/abi.hpp"
#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI {

/// Thrown by the co_await of a Completion that can no longer be resolved: every callback that held a copy was destroyed
/// without a call.
class BrokenPromise : public std::logic_error {
 public:
  BrokenPromise() : std::logic_error("broken promise: the last copy of a Completion was dropped without a value") {}
};

/// One value that arrives later. Copies share it, so a callback takes a copy:
///
///     Completion<Row> row;
///     db.load(id, [row](Row loaded) { row.resolve(std::move(loaded)); });
///     use(co_await row);
///
/// The first resolve() or fail() takes effect, later ones are ignored. A call that throws, for lack of memory or
/// because T's move constructor throws, changes nothing. When all copies but the awaited one are destroyed without an
/// outcome, the co_await throws BrokenPromise. A Completion that was never copied does not do so.
///
/// It is awaited once. The awaiting code continues on its own executor, or without one on the resolving thread. A
/// coroutine that is destroyed while it waits is not resumed, and its executor may end then, even if resolve() is
/// called later. resolve and fail: any thread. co_await: one thread at a time.
template <class T>
class Completion {
  struct State;

 public:
  Completion() = default;
  Completion(const Completion& other) : state_(other.state_) {
    if (state_) state_->copied();
  }
  Completion(Completion&& other) noexcept : state_(std::move(other.state_)) {
    if (state_) state_->moved(&other, this);
  }
  Completion& operator=(Completion other) noexcept {
    let_go();
    state_ = std::move(other.state_);
    if (state_) state_->moved(&other, this);
    return *this;
  }
  ~Completion() { let_go(); }

  void resolve(T value) const { settle(state_, std::in_place_index<1>, std::move(value)); }
  void fail(std::exception_ptr error) const { settle(state_, std::in_place_index<2>, std::move(error)); }

  class Awaiter {
   public:
    using ComesHome = void;  // it resumes on the right executor by itself: see way_home.hpp

    Awaiter(std::shared_ptr<State> state, const Completion* awaited) : state_(std::move(state)), awaited_(awaited) {}
    Awaiter(const Awaiter&) = delete;
    Awaiter& operator=(const Awaiter&) = delete;
    ~Awaiter() {
      std::lock_guard lock(state_->mutex);
      state_->awaiting = {};
      state_->awaited = nullptr;
    }

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiting) {
      std::lock_guard lock(state_->mutex);
      assert(!state_->awaiting && "a Completion is awaited once");
      state_->awaited = awaited_;
      if (state_->nobody_can_resolve()) state_->outcome.template emplace<2>(std::make_exception_ptr(BrokenPromise()));
      if (state_->outcome.index() != 0) return false;
      state_->awaiting = awaiting;
      state_->executor = Executor::current();
      return true;
    }
    T await_resume() {
      // Moved out, so that this thread alone owns the exception, whichever thread releases the state last.
      if (auto* error = std::get_if<2>(&state_->outcome)) std::rethrow_exception(std::exchange(*error, nullptr));
      return std::move(std::get<1>(state_->outcome));
    }

   private:
    std::shared_ptr<State> state_;
    const Completion* awaited_;
  };
  Awaiter operator co_await() const { return Awaiter(state_, this); }

 private:
  struct State {
    std::mutex mutex;
    std::variant<std::monostate, T, std::exception_ptr> outcome;
    std::coroutine_handle<> awaiting;  // empty again once the awaiting coroutine has resumed or is destroyed
    Executor* executor = nullptr;
    // The copy that is awaited, until it is destroyed. Atomic: an executor may move a job that holds a copy under its
    // own lock, and a post takes that lock under this one.
    std::atomic<const Completion*> awaited = nullptr;
    std::size_t copies = 1;
    bool shared = false;  // there was a second copy

    // Under the lock. The awaited copy itself resolves nothing: usually it is in the awaiting coroutine's frame.
    bool nobody_can_resolve() const noexcept {
      return outcome.index() == 0 && (copies == 0 || (copies == 1 && shared && awaited));
    }
    void copied() {
      std::lock_guard lock(mutex);
      ++copies;
      shared = true;
    }
    void moved(const Completion* from, const Completion* to) noexcept { awaited.compare_exchange_strong(from, to); }
    // True: a coroutine waits and no copy is left that could resolve it.
    bool dropped(const Completion* copy) noexcept {
      std::lock_guard lock(mutex);
      --copies;
      moved(copy, nullptr);
      return awaiting && nobody_can_resolve();
    }
  };

  void let_go() noexcept {
    const auto state = std::move(state_);
    if (!state || !state->dropped(this)) return;
    try {
      settle(state, std::in_place_index<2>, std::make_exception_ptr(BrokenPromise()));
    } catch (...) {  // no memory for the exception, and no copy is left that could report it later
    }
  }

  template <std::size_t index, class Outcome>
  static void settle(const std::shared_ptr<State>& state, std::in_place_index_t<index>, Outcome&& outcome) {
    std::coroutine_handle<> inline_awaiting;
    {
      std::lock_guard lock(state->mutex);
      if (state->outcome.index() != 0) return;
      try {
        state->outcome.template emplace<index>(std::forward<Outcome>(outcome));
        if (!state->awaiting) return;
        if (state->executor) return go_on_at_home(state);
      } catch (...) {
        state->outcome.template emplace<0>();
        throw;
      }
      inline_awaiting = std::exchange(state->awaiting, {});
    }
    inline_awaiting.resume();
  }
  // Posts under the lock: a coroutine that is destroyed meanwhile waits for the lock, so its executor still exists.
  static void go_on_at_home(const std::shared_ptr<State>& state) {
    state->executor->post([state] {
      std::coroutine_handle<> awaiting;
      {
        std::lock_guard lock(state->mutex);
        awaiting = std::exchange(state->awaiting, {});
      }
      if (awaiting) awaiting.resume();
    });
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace sluice::SLUICE_ABI
