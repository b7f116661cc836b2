// SPDX-License-Identifier: MIT
#include "core/base64.hpp"

namespace sluice::SLUICE_ABI {
namespace {

int digit(char c, Base64 kind) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == (kind == Base64::standard ? '+' : '-')) return 62;
  return c == (kind == Base64::standard ? '/' : '_') ? 63 : -1;
}

char sign(std::uint32_t six_bits, Base64 kind) noexcept {
  constexpr std::string_view signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  six_bits &= 0x3f;
  if (six_bits < signs.size()) return signs[six_bits];
  return (kind == Base64::standard ? "+/" : "-_")[six_bits - signs.size()];
}

}  // namespace

std::string base64_encode(std::string_view bytes, Base64 kind) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t pending = 0;
  unsigned pending_bits = 0;
  for (const char c : bytes) {
    pending = pending << 8 | static_cast<unsigned char>(c);
    for (pending_bits += 8; pending_bits >= 6;) text += sign(pending >> (pending_bits -= 6), kind);
  }
  if (pending_bits > 0) text += sign(pending << (6 - pending_bits), kind);
  if (kind != Base64::url_not_padded) text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<std::string> base64_decode(std::string_view text, Base64 kind) {
  if (kind != Base64::url_not_padded) {
    if (text.size() % 4 != 0) return std::nullopt;
    for (int most = 2; most > 0 && text.ends_with('='); --most) text.remove_suffix(1);
  }
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t pending = 0;
  unsigned pending_bits = 0;
  for (const char c : text) {
    const int six_bits = digit(c, kind);
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

}  // namespace sluice::SLUICE_ABI
