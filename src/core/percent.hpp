// SPDX-License-Identifier: MIT
// Percent-encoding in URLs (RFC 3986 section 2.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// Each `%41` as its byte; nothing if a `%` is followed by anything but two hexadecimal digits. Any thread.
std::optional<std::string> percent_decoded(std::string_view text);
/// The same, but such a `%` stays as it is. Any thread.
std::string percent_decoded_where_valid(std::string_view text);

}  // namespace sluice
