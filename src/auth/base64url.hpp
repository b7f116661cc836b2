// SPDX-License-Identifier: MIT
// base64url without padding, as tokens use it (RFC 7515 section 2). Strict: one spelling for each value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// The bytes; empty for anything but the one canonical spelling: padding, white space, `+` and `/`, a length that can't
/// be, and bits left over that are not zero. Any thread.
std::optional<std::string> base64url_decode(std::string_view text);
/// The one spelling of these bytes. Any thread.
std::string base64url_encode(std::string_view bytes);

}  // namespace sluice
