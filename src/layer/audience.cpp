// SPDX-License-Identifier: MIT
#include "sluice/layer/audience.hpp"

#include <algorithm>
#include <unordered_set>

#include "layer/broadcast_schema.hpp"

namespace sluice::SLUICE_ABI {
namespace {

bool lists(const std::vector<UserId>& users, const UserId& user) noexcept {
  return !user.anonymous() && std::ranges::find(users, user) != users.end();
}

}  // namespace

bool Audience::includes(const Identity& who) const noexcept {
  if (lists(except_users, who.user_id)) return false;
  if (!except_socket.empty() && who.web_socket_id == except_socket) return false;
  return !only_users || lists(*only_users, who.user_id);
}

std::vector<UserId> distinct_users(std::vector<UserId> users) {
  std::unordered_set<UserId> seen;
  std::erase_if(users, [&](const UserId& user) { return user.anonymous() || !seen.insert(user).second; });
  return users;
}

void json_write(json::Writer& writer, const UserId& id) {
  if (const auto* number = id.number()) {
    writer.value(*number);
  } else if (const auto* text = id.text()) {
    writer.value(std::string_view(*text));
  } else {
    writer.null();
  }
}

Result<void> json_read(json::Value value, UserId& id) {
  if (const auto number = value.as_int()) {
    id = UserId(*number);
  } else if (const auto text = value.as_string()) {
    id = UserId(*text);
  } else if (value.is_null()) {
    id = UserId();
  } else {
    return Error(ErrorCode::type_mismatch, "a user id is an integer, a text or null");
  }
  return {};
}

}  // namespace sluice::SLUICE_ABI
