// SPDX-License-Identifier: MIT
// Base64 (RFC 4648). Strict: each sequence of bytes has one spelling, and any other text is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

enum class Base64 : std::uint8_t {
  standard,        // `+` and `/`, padded with `=`
  url,             // `-` and `_`, padded with `=`: Fernet tokens
  url_not_padded,  // `-` and `_`: JSON Web Tokens (RFC 7515 section 2)
};

/// Any thread.
SLUICE_API std::string base64_encode(std::string_view bytes, Base64 kind);
/// The bytes; nullopt for any other spelling: white space, the other alphabet, missing or surplus padding, or left-over
/// bits that are not zero. Any thread.
SLUICE_API std::optional<std::string> base64_decode(std::string_view text, Base64 kind);

}  // namespace sluice::SLUICE_ABI
