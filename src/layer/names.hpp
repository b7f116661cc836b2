// SPDX-License-Identifier: MIT
// What is said of a name that may not be.
#pragma once

#include <string_view>

#include "sluice/core/result.hpp"

namespace sluice {

/// invalid_name unless it may be a group's name. `what` is what was being done, and begins the sentence.
Result<void> check_group_name(std::string_view what, std::string_view group);

}  // namespace sluice
