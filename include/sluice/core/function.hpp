// SPDX-License-Identifier: MIT
// A callable that only moves, so that jobs and handlers may own what they carry (std::move_only_function is C++23).
#pragma once

#include <cassert>
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

template <class Signature>
class Function;

/// A move-only callable with room for six pointers inside; larger ones are allocated. One thread at a time.
template <class R, class... Args>
class Function<R(Args...)> {
 public:
  Function() noexcept = default;
  Function(std::nullptr_t) noexcept {}

  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Function> && std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
      Function(F&& callable) {
    using Target = std::decay_t<F>;
    if constexpr (fits<Target>) {
      ::new (static_cast<void*>(room_)) Target(std::forward<F>(callable));
      vtable_ = &inside<Target>;
    } else {
      ::new (static_cast<void*>(room_)) Target*(new Target(std::forward<F>(callable)));
      vtable_ = &outside<Target>;
    }
  }

  Function(Function&& other) noexcept { take(other); }
  Function& operator=(Function&& other) noexcept {
    if (this != &other) {
      clear();
      take(other);
    }
    return *this;
  }
  ~Function() { clear(); }

  explicit operator bool() const noexcept { return vtable_ != nullptr; }

  R operator()(Args... args) {
    assert(vtable_ && "an empty Function was called");
    return vtable_->call(room_, std::forward<Args>(args)...);
  }

 private:
  static constexpr std::size_t room_bytes = 6 * sizeof(void*);

  struct Vtable {
    R (*call)(void*, Args&&...);
    void (*move)(void* to, void* from) noexcept;  // and destroys the source
    void (*destroy)(void*) noexcept;
  };

  template <class T>
  static constexpr bool fits = sizeof(T) <= room_bytes &&
                               alignof(T) <= alignof(void*) && std::is_nothrow_move_constructible_v<T>;

  template <class T>
  static constexpr Vtable inside = {
      [](void* room, Args&&... args) -> R { return (*static_cast<T*>(room))(std::forward<Args>(args)...); },
      [](void* to, void* from) noexcept {
        ::new (to) T(std::move(*static_cast<T*>(from)));
        static_cast<T*>(from)->~T();
      },
      [](void* room) noexcept { static_cast<T*>(room)->~T(); }};

  template <class T>
  static constexpr Vtable outside = {
      [](void* room, Args&&... args) -> R { return (**static_cast<T**>(room))(std::forward<Args>(args)...); },
      [](void* to, void* from) noexcept { ::new (to) T*(*static_cast<T**>(from)); },
      [](void* room) noexcept { delete *static_cast<T**>(room); }};

  void take(Function& other) noexcept {
    vtable_ = std::exchange(other.vtable_, nullptr);
    if (vtable_) vtable_->move(room_, other.room_);
  }
  void clear() noexcept {
    if (vtable_) std::exchange(vtable_, nullptr)->destroy(room_);
  }

  alignas(void*) std::byte room_[room_bytes];
  const Vtable* vtable_ = nullptr;
};

}  // namespace sluice::SLUICE_ABI
