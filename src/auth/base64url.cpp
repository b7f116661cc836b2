// SPDX-License-Identifier: MIT
#include "auth/base64url.hpp"

#include <cstdint>

namespace sluice {
namespace {

int digit(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  return c == '_' ? 63 : -1;
}

}  // namespace

std::optional<std::string> base64url_decode(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t pending = 0;
  unsigned pending_bits = 0;
  for (const char c : text) {
    const int six_bits = digit(c);
    if (six_bits < 0) return std::nullopt;
    pending = pending << 6 | static_cast<std::uint32_t>(six_bits);
    pending_bits += 6;
    if (pending_bits < 8) continue;
    pending_bits -= 8;
    bytes += static_cast<char>(pending >> pending_bits & 0xff);
    pending &= (1U << pending_bits) - 1;
  }
  if (pending_bits == 6 || pending != 0) return std::nullopt;
  return bytes;
}

std::string base64url_encode(std::string_view bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  text.reserve(bytes.size() * 4 / 3 + 2);
  std::uint32_t pending = 0;
  unsigned pending_bits = 0;
  for (const char c : bytes) {
    pending = pending << 8 | static_cast<unsigned char>(c);
    for (pending_bits += 8; pending_bits >= 6;) text += digits[pending >> (pending_bits -= 6) & 0x3f];
  }
  if (pending_bits > 0) text += digits[pending << (6 - pending_bits) & 0x3f];
  return text;
}

}  // namespace sluice
