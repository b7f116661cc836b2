// SPDX-License-Identifier: MIT
// A value or an Error. The members are named as std::expected's, so that it can become one.
#pragma once

#include <cassert>
#include <optional>
#include <stdexcept>
#include <utility>
#include <variant>

#include "sluice/abi.hpp"
#include "sluice/core/error.hpp"

namespace sluice::SLUICE_ABI {

/// Result::value() throws this where the Result holds an Error. what() is the message of the Error.
class BadResultAccess : public std::logic_error {
 public:
  explicit BadResultAccess(Error error) : std::logic_error(error.message()), error_(std::move(error)) {}
  const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

/// A value, or an Error. Check has_value() (or test it) first: value() throws BadResultAccess where there is none, as
/// std::expected's does; `*`, `->` and error() on the wrong side are the caller's bug, and asserted.
template <class T = void>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & { return checked(); }
  const T& value() const& { return const_cast<Result*>(this)->checked(); }
  T&& value() && { return std::move(checked()); }
  T& operator*() & { return get(); }
  const T& operator*() const& { return const_cast<Result*>(this)->get(); }
  T&& operator*() && { return std::move(get()); }
  T* operator->() { return &get(); }
  const T* operator->() const { return &const_cast<Result*>(this)->get(); }

  T value_or(T fallback) const& { return has_value() ? **this : std::move(fallback); }

  const Error& error() const {
    assert(!has_value() && "Result::error() asked of a Result that holds a value");
    return *std::get_if<1>(&state_);
  }

 private:
  T& get() {
    assert(has_value() && "the value asked of a Result that holds an Error");
    return *std::get_if<0>(&state_);
  }
  T& checked() {
    if (!has_value()) throw BadResultAccess(error());
    return get();
  }

  std::variant<T, Error> state_;
};

/// Success, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() noexcept = default;
  Result(Error error) : error_(std::move(error)) {}

  bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  /// Throws BadResultAccess where there is an Error.
  void value() const {
    if (error_) throw BadResultAccess(*error_);
  }

  const Error& error() const {
    assert(!has_value() && "Result::error() asked of a Result that succeeded");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace sluice::SLUICE_ABI
