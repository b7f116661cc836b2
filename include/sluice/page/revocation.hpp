// SPDX-License-Identifier: MIT
// The three events that take pages or the connection away from a CoreConsumer. The first two are Baserow's, key for
// key. They come from other processes, too: an invalid member of a list is skipped and noted in `odd`; the others are
// used.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/result.hpp"
#include "sluice/json/fields.hpp"
#include "sluice/json/value.hpp"
#include "sluice/layer/audience.hpp"

namespace sluice::SLUICE_ABI {

/// These users lost the permission that a group stands for. A value.
struct UsersRemovedFromPermissionGroup {
  static constexpr std::string_view event_type = "users_removed_from_permission_group";
  static constexpr bool must_arrive = true;
  std::vector<UserId> user_ids_to_remove;
  std::string permission_group_name;
  std::string odd = {};  // members that were skipped, for the log

  static constexpr auto fields() {
    return sluice::fields(
        sluice::field("user_ids_to_remove", &UsersRemovedFromPermissionGroup::user_ids_to_remove),
        sluice::field("permission_group_name", &UsersRemovedFromPermissionGroup::permission_group_name));
  }
};

/// These users are to be signed out, except on the named connections. A value.
struct ForceDisconnectUsers {
  static constexpr std::string_view event_type = "force_disconnect_users";
  static constexpr bool must_arrive = true;
  std::vector<UserId> user_ids;
  std::optional<std::vector<std::optional<std::string>>> ignore_web_socket_ids;  // Baserow may list a null
  std::string odd = {};                                                          // as above

  static constexpr auto fields() {
    return sluice::fields(sluice::field("user_ids", &ForceDisconnectUsers::user_ids),
                          sluice::field("ignore_web_socket_ids", &ForceDisconnectUsers::ignore_web_socket_ids));
  }
};

SLUICE_API Result<void> json_read(json::Value value, UsersRemovedFromPermissionGroup& event);
SLUICE_API Result<void> json_read(json::Value value, ForceDisconnectUsers& event);

/// Connections on a page of this group, or with this permission group, are rechecked. A value.
struct RecheckPages {
  static constexpr std::string_view event_type = "recheck_pages";
  static constexpr bool must_arrive = true;
  std::string group;

  static constexpr auto fields() { return sluice::fields(sluice::field("group", &RecheckPages::group)); }
};

}  // namespace sluice::SLUICE_ABI
