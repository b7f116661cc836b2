// SPDX-License-Identifier: MIT
// Base64 with its padding: the URL alphabet for Fernet tokens, the ordinary one for bytes inside JSON (RFC 4648).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::redis {

enum class Alphabet : std::uint8_t { standard, url };

/// Any thread.
std::string base64_encode(std::string_view bytes, Alphabet alphabet);
/// The bytes; nothing unless the text is the one canonical spelling.
std::optional<std::string> base64_decode(std::string_view text, Alphabet alphabet);

}  // namespace sluice::redis
