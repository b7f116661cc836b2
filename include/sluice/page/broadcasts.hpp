// SPDX-License-Identifier: MIT
// Broadcasts of back-end code to clients, from any thread: Baserow's broadcast tasks, each one call and one event.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/layer/audience.hpp"
#include "sluice/layer/channel_layer.hpp"
#include "sluice/layer/event.hpp"
#include "sluice/layer/payload.hpp"

namespace sluice::SLUICE_ABI {

/// The group of all authenticated connections of a CoreConsumer, anonymous ones included.
inline constexpr std::string_view users_group = "users";

// Each returns at once; an Error (a bad group name, too large, the layer down) means that nothing was sent, unless
// stated otherwise below. A broadcast for no users is not sent (behaviour BT-3). An empty socket id excludes no one.
// Any thread.

/// Any event, for consumers that handle its type.
SLUICE_API Result<void> send_message_to_channel_group(ChannelLayer& layer, std::string_view group, Event message);

/// To those in the group whom the audience includes (behaviour CC-26):
///
///     broadcast_to_channel_group(layer, "table-7", RowsDeleted{7, ids}, {.except_socket = author});
SLUICE_API Result<void> broadcast_to_channel_group(ChannelLayer& layer, std::string_view group, const Payload& payload,
                                                   Audience audience = {});
/// One payload each to several groups, in this order. A group that fails does not stop the others; the first Error is
/// returned.
SLUICE_API Result<void> broadcast_many_to_channel_group(ChannelLayer& layer,
                                                        const std::vector<std::pair<std::string, Payload>>& payloads,
                                                        const Audience& audience = {});
/// To every connection of these users, less the author's (behaviour CC-22).
SLUICE_API Result<void> broadcast_to_users(ChannelLayer& layer, std::vector<UserId> user_ids, const Payload& payload,
                                           std::string ignore_web_socket_id = {});
/// To every connection, anonymous ones included (behaviour CC-23).
SLUICE_API Result<void> broadcast_to_all_users(ChannelLayer& layer, const Payload& payload,
                                               std::string ignore_web_socket_id = {});
/// To each user their own payload, in one event (behaviour CC-25, BT-5).
SLUICE_API Result<void> broadcast_to_users_individual_payloads(ChannelLayer& layer,
                                                               const std::vector<std::pair<UserId, Payload>>& payloads,
                                                               std::string ignore_web_socket_id = {});

/// Ends every connection of these users except the named ones, for example after a change of password (behaviour
/// CC-30).
SLUICE_API Result<void> force_disconnect_users(ChannelLayer& layer, std::vector<UserId> user_ids,
                                               std::vector<std::string> ignore_web_socket_ids = {});
/// Removes these users from every page that has this permission group (behaviour CC-27).
SLUICE_API Result<void> remove_users_from_permission_group(ChannelLayer& layer, std::string_view permission_group,
                                                           std::vector<UserId> user_ids);
/// Calls can_add() again for every connection on a page of this group or with this permission group, and removes those
/// that it refuses. For changes that no list of users describes, such as a public view that became private (behaviour
/// PT-8). Where can_add throws, the connection ends with 1011, so that the client asks again.
SLUICE_API Result<void> recheck_pages(ChannelLayer& layer, std::string_view group);

}  // namespace sluice::SLUICE_ABI
