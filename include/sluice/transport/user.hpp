// SPDX-License-Identifier: MIT
// The user of a connection. Ids are compared by kind and value: the number 1 is not the text "1" (behaviour CC-22).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// A number of up to 2^63-1, a text, or anonymous, which equals no other id and matches no target. A value.
class UserId {
 public:
  UserId() noexcept = default;
  /// A number above 2^63-1 matches no user: it does not wrap to another id.
  template <class Integer>
  requires std::is_integral_v<Integer> UserId(Integer number)
  noexcept {
    constexpr auto highest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (std::is_unsigned_v<Integer> && static_cast<std::uint64_t>(number) > highest) return;
    id_ = static_cast<std::int64_t>(number);
  }
  UserId(std::string text) : id_(std::move(text)) {}
  UserId(std::string_view text) : id_(std::string(text)) {}
  UserId(const char* text) : id_(std::string(text)) {}

  bool anonymous() const noexcept { return id_.index() == 0; }
  const std::int64_t* number() const noexcept { return std::get_if<std::int64_t>(&id_); }
  const std::string* text() const noexcept { return std::get_if<std::string>(&id_); }
  /// As a key or for a log: "7", "ada"; anonymous is "".
  std::string to_string() const {
    if (const auto* number_id = number()) return std::to_string(*number_id);
    return text() ? *text() : std::string();
  }

  friend bool operator==(const UserId&, const UserId&) = default;

 private:
  std::variant<std::monostate, std::int64_t, std::string> id_;
};

/// An authenticated user, or an anonymous one that was accepted. A value.
class User {
 public:
  User() = default;  // anonymous
  explicit User(UserId id, std::string name = {}) : id_(std::move(id)), name_(std::move(name)) {}

  const UserId& id() const noexcept { return id_; }
  const std::string& name() const noexcept { return name_; }
  bool anonymous() const noexcept { return id_.anonymous(); }

 private:
  UserId id_;
  std::string name_;
};

}  // namespace sluice::SLUICE_ABI

template <>
struct std::hash<sluice::UserId> {
  /// With a secret of the process, so that a client that chooses ids cannot choose their buckets.
  std::size_t operator()(const sluice::UserId& id) const noexcept;
};
