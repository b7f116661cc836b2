// SPDX-License-Identifier: MIT
// Memory for Asio's operations that is allocated in advance.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::net {

/// Memory for one operation of Asio at a time: beginning it allocates nothing, and so cannot fail for lack of memory.
/// While it is used a further operation allocates. It outlives this object while an operation uses it. Any thread.
class OperationMemory {
 public:
  OperationMemory() : room_(new Room) {}
  OperationMemory(const OperationMemory&) = delete;
  OperationMemory& operator=(const OperationMemory&) = delete;
  ~OperationMemory() { room_->leave(); }

  /// The handler for an operation that takes its memory here.
  template <class F>
  auto hold(F handler) {
    return Handler<F>{std::move(handler), room_};
  }

 private:
  class Room {
   public:
    void* take(std::size_t bytes) {
      State free = State::free;
      if (bytes <= sizeof bytes_ && state_.compare_exchange_strong(free, State::taken)) return bytes_;
      return ::operator new(bytes);
    }
    void give_back(void* memory) noexcept {
      if (memory != bytes_) return ::operator delete(memory);
      State taken = State::taken;
      if (!state_.compare_exchange_strong(taken, State::free)) delete this;
    }
    void leave() noexcept {
      if (state_.exchange(State::left) == State::free) delete this;
    }

   private:
    enum class State : std::uint8_t { free, taken, left };
    alignas(std::max_align_t) std::byte bytes_[256];
    std::atomic<State> state_{State::free};
  };

  template <class T>
  struct Allocator {
    using value_type = T;
    static_assert(alignof(T) <= alignof(std::max_align_t));

    explicit Allocator(Room* room) noexcept : room(room) {}
    template <class U>
    Allocator(const Allocator<U>& other) noexcept : room(other.room) {}
    T* allocate(std::size_t count) { return static_cast<T*>(room->take(count * sizeof(T))); }
    void deallocate(T* memory, std::size_t) noexcept { room->give_back(memory); }
    friend bool operator==(const Allocator&, const Allocator&) noexcept = default;

    Room* room;
  };

  template <class F>
  struct Handler {
    using allocator_type = Allocator<void*>;
    allocator_type get_allocator() const noexcept { return allocator_type(room); }
    template <class... Args>
    void operator()(Args&&... args) {
      run(std::forward<Args>(args)...);
    }

    F run;
    Room* room;
  };

  Room* const room_;
};

}  // namespace sluice::SLUICE_ABI::net
