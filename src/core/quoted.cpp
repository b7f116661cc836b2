// SPDX-License-Identifier: MIT
#include "core/quoted.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>

namespace sluice::SLUICE_ABI {
namespace {

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool is_utf8 = false;
};

// The first character of a text that is not empty; one byte, if it begins no UTF-8 (RFC 3629).
Character first_of(std::string_view text) noexcept {
  const auto byte = [text](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  const std::uint8_t lead = byte(0);
  const std::size_t bytes = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (bytes == 0 || bytes > text.size()) return {lead};
  char32_t code = bytes == 1 ? lead : lead & (0x7fU >> bytes);
  for (std::size_t at = 1; at < bytes; ++at) {
    if ((byte(at) & 0xc0U) != 0x80U) return {lead};
    code = code << 6U | (byte(at) & 0x3fU);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  if (overlong || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) return {lead};
  return {code, bytes, true};
}

// Control characters, Unicode's line breaks, and characters that change the direction of a text or are invisible.
bool is_unseen(const Character& character) noexcept {
  const char32_t c = character.code;
  return !character.is_utf8 || c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff0 && c <= 0xffff);
}

void escape(const Character& character, std::string& out) {
  const auto into = std::back_inserter(out);
  if (!character.is_utf8) {
    fmt::format_to(into, "\\x{:02x}", static_cast<unsigned>(character.code));
  } else if (character.code < 0x10000) {
    fmt::format_to(into, "\\u{:04x}", static_cast<unsigned>(character.code));
  } else {
    const auto above = static_cast<unsigned>(character.code) - 0x10000U;
    fmt::format_to(into, "\\u{:04x}\\u{:04x}", 0xd800U + (above >> 10U), 0xdc00U + (above & 0x3ffU));
  }
}

}  // namespace

std::string in_quotes(std::string_view text, std::size_t longest) {
  std::string out = "\"";
  std::size_t taken = 0;
  while (taken < text.size()) {
    const Character character = first_of(text.substr(taken));
    if (taken + character.bytes > longest) break;
    taken += character.bytes;
    switch (character.code) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (character.is_utf8 && character.code >= 0x20 && character.code < 0x7f) {
          out += static_cast<char>(character.code);
        } else {
          escape(character, out);
        }
    }
  }
  return out + (taken < text.size() ? "\"..." : "\"");
}

std::string on_one_line(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_of(text);
    if (is_unseen(character) && character.code != '\t') {
      escape(character, out);
    } else {
      out += text.substr(0, character.bytes);
    }
    text.remove_prefix(character.bytes);
  }
  return out;
}

}  // namespace sluice::SLUICE_ABI
