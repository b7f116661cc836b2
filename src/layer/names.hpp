// SPDX-License-Identifier: MIT
// Errors for invalid names and handles.
#pragma once

#include <string_view>

#include "sluice/core/result.hpp"

namespace sluice::SLUICE_ABI {

/// invalid_name unless it may be a group's name. `what` is the failed call, and begins the sentence.
Result<void> check_group_name(std::string_view what, std::string_view group);

/// invalid_argument: the "channel" or "inbox" that was given with the group belongs to another layer, or is empty.
Error foreign_handle(std::string_view what, std::string_view group, std::string_view handle);

}  // namespace sluice::SLUICE_ABI
