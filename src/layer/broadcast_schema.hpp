// SPDX-License-Identifier: MIT
// Broadcasts as Django's peers know them: the map of an event of one of three types, by Baserow's names and keys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/json/text.hpp"
#include "sluice/json/value.hpp"
#include "sluice/layer/event.hpp"

namespace sluice {

inline constexpr std::string_view to_group_type = "broadcast_to_group";
inline constexpr std::string_view to_users_type = "broadcast_to_users";
inline constexpr std::string_view individual_type = "broadcast_to_users_individual_payloads";

/// Each user once, so that nobody hears a broadcast twice; anonymous is nobody.
std::vector<UserId> distinct_users(std::vector<UserId> users);

/// What the map of such an event has for clients; of a malformed one nothing.
std::vector<Broadcast> read_broadcasts(BroadcastKind kind, json::Value map);

/// The map of at least one broadcast: all keys, unset ones as null (behaviour BT-2).
json::Text write_broadcasts(std::string_view type, BroadcastKind kind, const std::vector<Broadcast>& broadcasts);
/// The map of individual payloads for nobody.
json::Text write_no_payloads(const std::string& except_socket);

}  // namespace sluice
