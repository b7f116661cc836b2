// SPDX-License-Identifier: MIT
// What back-end code tells clients, from any thread: Baserow's broadcast tasks, each one call and one event.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/layer/audience.hpp"
#include "sluice/layer/channel_layer.hpp"
#include "sluice/layer/event.hpp"
#include "sluice/layer/payload.hpp"

namespace sluice {

/// The group that every authenticated connection of a CoreConsumer is in, anonymous ones included.
inline constexpr std::string_view users_group = "users";

// Each returns at once; an Error (a bad group name, too large, the layer down) means that nothing was sent, unless it
// says more below. What is for no users is not sent (behaviour BT-3). An empty socket id is nobody's. Any thread.

/// Any event, to whoever handles its type.
Result<void> send_message_to_channel_group(ChannelLayer& layer, std::string_view group, Event message);

/// To those in the group whom the audience includes (behaviour CC-26):
///
///     broadcast_to_channel_group(layer, "table-7", RowsDeleted{7, ids}, {.except_socket = author});
Result<void> broadcast_to_channel_group(ChannelLayer& layer, std::string_view group, const Payload& payload,
                                        Audience audience = {});
/// One payload each to several groups, in this order. A group that fails does not stop the others; the first Error is
/// returned.
Result<void> broadcast_many_to_channel_group(ChannelLayer& layer,
                                             const std::vector<std::pair<std::string, Payload>>& payloads,
                                             const Audience& audience = {});
/// To every connection of these users, less the author's (behaviour CC-22).
Result<void> broadcast_to_users(ChannelLayer& layer, std::vector<UserId> user_ids, const Payload& payload,
                                std::string ignore_web_socket_id = {});
/// To every connection, anonymous ones included (behaviour CC-23).
Result<void> broadcast_to_all_users(ChannelLayer& layer, const Payload& payload, std::string ignore_web_socket_id = {});
/// To each user their own payload, in one event (behaviour CC-25, BT-5).
Result<void> broadcast_to_users_individual_payloads(ChannelLayer& layer,
                                                    const std::vector<std::pair<UserId, Payload>>& payloads,
                                                    std::string ignore_web_socket_id = {});

/// Ends every connection of these users, less the named ones: after a change of password, say (behaviour CC-30).
Result<void> force_disconnect_users(ChannelLayer& layer, std::vector<UserId> user_ids,
                                    std::vector<std::string> ignore_web_socket_ids = {});
/// Takes these users off every page that has this permission group, unasked (behaviour CC-27).
Result<void> remove_users_from_permission_group(ChannelLayer& layer, std::string_view permission_group,
                                                std::vector<UserId> user_ids);
/// Has everyone who is on a page of this group, or with this permission group, asked again whether they may be, and
/// takes off who may not: where it is no list of users that lost access, but a public view that became private, say
/// (behaviour PT-8). Where can_add throws, the connection ends with 1011, so that the client asks again.
Result<void> recheck_pages(ChannelLayer& layer, std::string_view group);

}  // namespace sluice
