// SPDX-License-Identifier: MIT
// The bridge from a callback, on any thread, to co_await.
#pragma once

#include <cassert>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>
#include <variant>

#include "sluice/core/executor.hpp"

namespace sluice {

/// One value that arrives later. Copies share it, so a callback takes a copy:
///
///     Completion<Row> row;
///     db.load(id, [row](Row loaded) { row.resolve(std::move(loaded)); });
///     use(co_await row);
///
/// The first resolve or fail counts, later ones are ignored. It is awaited once, and the awaiting code goes on where it
/// was running before, on its own executor (without one: on the resolving thread). A coroutine that is destroyed while
/// it waits is not resumed, and its executor may end then, whoever still resolves. resolve and fail: any thread.
/// co_await: one thread at a time.
template <class T>
class Completion {
  struct State;

 public:
  void resolve(T value) const { settle(std::in_place_index<1>, std::move(value)); }
  void fail(std::exception_ptr error) const { settle(std::in_place_index<2>, std::move(error)); }

  class Awaiter {
   public:
    explicit Awaiter(std::shared_ptr<State> state) : state_(std::move(state)) {}
    Awaiter(const Awaiter&) = delete;
    Awaiter& operator=(const Awaiter&) = delete;
    ~Awaiter() {
      std::lock_guard lock(state_->mutex);
      state_->awaiting = {};
    }

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiting) {
      std::lock_guard lock(state_->mutex);
      if (state_->outcome.index() != 0) return false;
      assert(!state_->awaiting && "a Completion is awaited once");
      state_->awaiting = awaiting;
      state_->executor = Executor::current();
      return true;
    }
    T await_resume() {
      // Moved out: from here on the exception belongs to this thread alone, whoever lets go of the state last.
      if (auto* error = std::get_if<2>(&state_->outcome)) std::rethrow_exception(std::exchange(*error, nullptr));
      return std::move(std::get<1>(state_->outcome));
    }

   private:
    std::shared_ptr<State> state_;
  };
  Awaiter operator co_await() const { return Awaiter(state_); }

 private:
  struct State {
    std::mutex mutex;
    std::variant<std::monostate, T, std::exception_ptr> outcome;
    std::coroutine_handle<> awaiting;  // empty again once the awaiting coroutine has gone on, or is destroyed
    Executor* executor = nullptr;
  };

  template <class... Outcome>
  void settle(Outcome&&... outcome) const {
    std::coroutine_handle<> inline_awaiting;
    {
      std::lock_guard lock(state_->mutex);
      if (state_->outcome.index() != 0) return;
      state_->outcome.template emplace<0>();
      emplace(std::forward<Outcome>(outcome)...);
      if (!state_->awaiting) return;
      if (state_->executor) return go_on_at_home();
      inline_awaiting = std::exchange(state_->awaiting, {});
    }
    inline_awaiting.resume();
  }
  // Under the lock, for which a coroutine that is destroyed meanwhile waits: until then its executor stands.
  void go_on_at_home() const {
    state_->executor->post([state = state_] {
      std::coroutine_handle<> awaiting;
      {
        std::lock_guard lock(state->mutex);
        awaiting = std::exchange(state->awaiting, {});
      }
      if (awaiting) awaiting.resume();
    });
  }
  template <std::size_t index, class Outcome>
  void emplace(std::in_place_index_t<index>, Outcome&& outcome) const {
    state_->outcome.template emplace<index>(std::forward<Outcome>(outcome));
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace sluice
