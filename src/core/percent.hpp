// SPDX-License-Identifier: MIT
// Percent-encoding in URLs (RFC 3986 section 2.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// Decodes each `%41` to its byte; nullopt if a `%` is not followed by two hexadecimal digits. Any thread.
SLUICE_API std::optional<std::string> percent_decoded(std::string_view text);
/// The same, but such a `%` is kept. Any thread.
SLUICE_API std::string percent_decoded_where_valid(std::string_view text);

}  // namespace sluice::SLUICE_ABI
