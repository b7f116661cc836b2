// SPDX-License-Identifier: MIT
// What is said of a name or a handle that may not be.
#pragma once

#include <string_view>

#include "sluice/core/result.hpp"

namespace sluice {

/// invalid_name unless it may be a group's name. `what` is what was being done, and begins the sentence.
Result<void> check_group_name(std::string_view what, std::string_view group);

/// invalid_argument: the "channel" or "inbox" that was given with the group comes from another layer, or from none.
Error foreign_handle(std::string_view what, std::string_view group, std::string_view handle);

}  // namespace sluice
