// SPDX-License-Identifier: MIT
// Text of clients in log lines.
#pragma once

#include <string>
#include <string_view>

#include "sluice/abi.hpp"
#include "sluice/json/value.hpp"

namespace sluice::SLUICE_ABI::json {

/// The text in quotes, escaped and cut short, so that it can neither begin a line of its own nor fill the log.
SLUICE_API std::string in_quotes(std::string_view text);
/// The value as JSON, cut short in the same way; "nothing" when it is missing.
SLUICE_API std::string shown(Value value);

}  // namespace sluice::SLUICE_ABI::json
