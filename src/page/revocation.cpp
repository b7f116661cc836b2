// SPDX-License-Identifier: MIT
#include "sluice/page/revocation.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <utility>

#include "json/quoted.hpp"

namespace sluice::SLUICE_ABI {
namespace {

// Python's 7.0 equals 7, so a revocation of a Python process may have it.
bool read_one(json::Value value, UserId& id) {
  constexpr double exact_doubles = 9'007'199'254'740'992.0;
  if (json_read(value, id)) return true;
  const auto number = value.as_double();
  if (!number || value.is_integer() || std::trunc(*number) != *number || std::abs(*number) > exact_doubles)
    return false;
  id = UserId(static_cast<std::int64_t>(*number));
  return true;
}

bool read_one(json::Value value, std::optional<std::string>& text) { return json::read(value, text).has_value(); }

// Reads the valid elements, and notes the number of invalid ones and the first of them.
template <class T>
std::vector<T> read_what_counts(json::Value list, std::string_view key, std::string& odd) {
  std::vector<T> good;
  std::size_t bad = 0;
  std::string first;
  for (const json::Value value : list.elements()) {
    T one{};
    if (read_one(value, one)) {
      good.push_back(std::move(one));
    } else if (++bad == 1) {
      first = json::shown(value);
    }
  }
  if (bad == 0) return good;
  odd += fmt::format("{}{} of {} can't be read, the first is {}", odd.empty() ? "" : "; ", bad, key, first);
  return good;
}

Result<std::vector<UserId>> read_users(json::Value map, std::string_view key, std::string& odd) {
  const json::Value users = map[key];
  if (!users) return Error(ErrorCode::missing_field, fmt::format("{}: missing", key));
  if (!users.is_array()) {
    return Error(ErrorCode::type_mismatch, fmt::format("{}: expected an array, found {}", key, json::shown(users)));
  }
  return read_what_counts<UserId>(users, key, odd);
}

}  // namespace

Result<void> json_read(json::Value value, UsersRemovedFromPermissionGroup& event) {
  auto users = read_users(value, "user_ids_to_remove", event.odd);
  if (!users) return users.error();
  event.user_ids_to_remove = std::move(*users);
  return json::read(value["permission_group_name"], event.permission_group_name,
                    json::Path({}, "permission_group_name"));
}

Result<void> json_read(json::Value value, ForceDisconnectUsers& event) {
  auto users = read_users(value, "user_ids", event.odd);
  if (!users) return users.error();
  event.user_ids = std::move(*users);
  const json::Value ignored = value["ignore_web_socket_ids"];
  if (!ignored || ignored.is_null()) return {};
  event.ignore_web_socket_ids =
      read_what_counts<std::optional<std::string>>(ignored, "ignore_web_socket_ids", event.odd);
  if (!ignored.is_array())
    event.odd += fmt::format("{}ignore_web_socket_ids is no list", event.odd.empty() ? "" : "; ");
  return {};
}

}  // namespace sluice::SLUICE_ABI
