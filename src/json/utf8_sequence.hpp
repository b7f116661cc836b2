// SPDX-License-Identifier: MIT
// One character of UTF-8, after the table of RFC 3629 section 4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::json {

/// What a lead byte announces: how many continuation bytes, and what the first of them may be. The others may
/// be 80..BF.
struct Utf8Lead {
  static constexpr std::uint8_t illegal = 0xff;

  std::uint8_t missing;
  std::uint8_t lowest;
  std::uint8_t highest;
};

constexpr Utf8Lead utf8_lead(std::uint8_t byte) noexcept {
  if (byte < 0x80) return {0, 0x80, 0xbf};
  if (byte < 0xc2) return {Utf8Lead::illegal, 0x80, 0xbf};  // a continuation byte, or C0 and C1: overlong
  if (byte < 0xe0) return {1, 0x80, 0xbf};
  if (byte == 0xe0) return {2, 0xa0, 0xbf};  // below is overlong
  if (byte == 0xed) return {2, 0x80, 0x9f};  // above are the surrogates
  if (byte < 0xf0) return {2, 0x80, 0xbf};
  if (byte == 0xf0) return {3, 0x90, 0xbf};  // below is overlong
  if (byte < 0xf4) return {3, 0x80, 0xbf};
  if (byte == 0xf4) return {3, 0x80, 0x8f};  // above is beyond U+10FFFF
  return {Utf8Lead::illegal, 0x80, 0xbf};
}

/// The character at the front of a text, or the bytes there that can't be one: as many as could still have become one,
/// at least one, which is what one U+FFFD stands for (Unicode 15 section 3.9, "maximal subpart").
struct Utf8Sequence {
  char32_t code_point;
  std::size_t length;
  bool valid;
};

constexpr Utf8Sequence utf8_sequence(std::string_view text) noexcept {
  const auto first = static_cast<std::uint8_t>(text.front());
  const Utf8Lead lead = utf8_lead(first);
  if (lead.missing == Utf8Lead::illegal) return {0xfffd, 1, false};
  if (lead.missing == 0) return {first, 1, true};

  char32_t code_point = first & (0x3fu >> lead.missing);
  std::uint8_t lowest = lead.lowest;
  std::uint8_t highest = lead.highest;
  for (std::size_t i = 1; i <= lead.missing; ++i) {
    const auto byte = i < text.size() ? static_cast<std::uint8_t>(text[i]) : std::uint8_t{0};
    if (byte < lowest || byte > highest) return {0xfffd, i, false};
    code_point = (code_point << 6) | (byte & 0x3fu);
    lowest = 0x80;
    highest = 0xbf;
  }
  return {code_point, lead.missing + std::size_t{1}, true};
}

}  // namespace sluice::SLUICE_ABI::json
