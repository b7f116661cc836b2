// SPDX-License-Identifier: MIT
// The recipients of a broadcast: everyone in the group, without one socket, without some users, or some users only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/result.hpp"
#include "sluice/json/value.hpp"
#include "sluice/json/writer.hpp"
#include "sluice/transport/user.hpp"

namespace sluice::SLUICE_ABI {

/// The identity of a subscriber. The views are valid as long as the subscriber. A value.
struct Identity {
  std::string_view web_socket_id;  // empty: none
  const UserId& user_id;           // anonymous: matches no list of users (behaviour CC-25)
};

/// The recipients of an event. Empty means everyone in the group. One thread at a time; a Broadcast that carries it is
/// immutable.
struct SLUICE_API Audience {
  std::string except_socket = {};                                // usually the author's own; empty: none
  std::vector<UserId> except_users = {};                         // comes first (behaviour CC-26)
  std::optional<std::vector<UserId>> only_users = std::nullopt;  // an empty list: no one

  bool includes(const Identity& who) const noexcept;

  friend bool operator==(const Audience&, const Audience&) = default;
};

// A user id in JSON: a number, a text, or null for anonymous.
SLUICE_API void json_write(json::Writer& writer, const UserId& id);
SLUICE_API Result<void> json_read(json::Value value, UserId& id);

}  // namespace sluice::SLUICE_ABI
