// SPDX-License-Identifier: MIT
#include "sluice/page/broadcasts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sluice/core/log.hpp"
#include "sluice/page/revocation.hpp"

namespace sluice::SLUICE_ABI {
namespace {

// The other users still receive theirs.
void note_nobodies(std::string_view call, const std::vector<UserId>& users) {
  const auto nobodies = std::ranges::count_if(users, &UserId::anonymous);
  if (nobodies == 0) return;
  log(LogLevel::warning, fmt::format("{}: {} of {} user ids match no user: they are anonymous, or above 2^63-1", call,
                                     nobodies, users.size()));
}

}  // namespace

Result<void> send_message_to_channel_group(ChannelLayer& layer, std::string_view group, Event message) {
  return layer.group_send(group, std::move(message));
}

Result<void> broadcast_to_channel_group(ChannelLayer& layer, std::string_view group, const Payload& payload,
                                        Audience audience) {
  return layer.group_send(group, Event::broadcast_to_group(payload, std::move(audience)));
}

Result<void> broadcast_many_to_channel_group(ChannelLayer& layer,
                                             const std::vector<std::pair<std::string, Payload>>& payloads,
                                             const Audience& audience) {
  Result<void> first;
  for (const auto& [group, payload] : payloads) {
    auto sent = broadcast_to_channel_group(layer, group, payload, audience);
    if (!sent && first) first = std::move(sent);
  }
  return first;
}

Result<void> broadcast_to_users(ChannelLayer& layer, std::vector<UserId> user_ids, const Payload& payload,
                                std::string ignore_web_socket_id) {
  if (user_ids.empty()) return {};
  note_nobodies("broadcast_to_users", user_ids);
  return layer.group_send(users_group,
                          Event::broadcast_to_users(payload, std::move(user_ids), std::move(ignore_web_socket_id)));
}

Result<void> broadcast_to_all_users(ChannelLayer& layer, const Payload& payload, std::string ignore_web_socket_id) {
  return layer.group_send(users_group, Event::broadcast_to_all_users(payload, std::move(ignore_web_socket_id)));
}

Result<void> broadcast_to_users_individual_payloads(ChannelLayer& layer,
                                                    const std::vector<std::pair<UserId, Payload>>& payloads,
                                                    std::string ignore_web_socket_id) {
  if (payloads.empty()) return {};
  return layer.group_send(users_group,
                          Event::broadcast_to_users_individual_payloads(payloads, std::move(ignore_web_socket_id)));
}

Result<void> force_disconnect_users(ChannelLayer& layer, std::vector<UserId> user_ids,
                                    std::vector<std::string> ignore_web_socket_ids) {
  if (user_ids.empty()) return {};
  note_nobodies("force_disconnect_users", user_ids);
  ForceDisconnectUsers event{.user_ids = std::move(user_ids), .ignore_web_socket_ids = {}};
  if (!ignore_web_socket_ids.empty()) {
    event.ignore_web_socket_ids.emplace(std::make_move_iterator(ignore_web_socket_ids.begin()),
                                        std::make_move_iterator(ignore_web_socket_ids.end()));
  }
  return layer.group_send(users_group, Event::of(event));
}

Result<void> remove_users_from_permission_group(ChannelLayer& layer, std::string_view permission_group,
                                                std::vector<UserId> user_ids) {
  if (user_ids.empty()) return {};
  note_nobodies("remove_users_from_permission_group", user_ids);
  const UsersRemovedFromPermissionGroup event{.user_ids_to_remove = std::move(user_ids),
                                              .permission_group_name = std::string(permission_group)};
  return layer.group_send(permission_group, Event::of(event));
}

Result<void> recheck_pages(ChannelLayer& layer, std::string_view group) {
  return layer.group_send(group, Event::of(RecheckPages{.group = std::string(group)}));
}

}  // namespace sluice::SLUICE_ABI
