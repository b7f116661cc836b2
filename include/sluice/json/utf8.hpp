// SPDX-License-Identifier: MIT
// Is it UTF-8 (RFC 3629)? For a whole text, and for one that arrives in pieces.
#pragma once

#include <cstdint>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::json {

/// Any thread.
SLUICE_API bool is_valid_utf8(std::string_view text) noexcept;

/// Checks a text piece by piece, wherever it is cut. One thread at a time.
///
///   json::Utf8Validator text;
///   for (auto piece : pieces)
///     if (!text.feed(piece)) return close_code::invalid_payload;
///   if (!text.at_boundary()) return close_code::invalid_payload;  // it ends inside a character
class SLUICE_API Utf8Validator {
 public:
  /// False at the first byte that proves the text invalid (so `F4 90` is refused before the rest arrives), and from
  /// then on until reset().
  bool feed(std::string_view bytes) noexcept;
  /// May the text end here? False inside a character and after a refusal.
  bool at_boundary() const noexcept { return missing_ == 0; }
  void reset() noexcept { *this = Utf8Validator(); }

 private:
  bool step(std::uint8_t byte) noexcept;

  static constexpr std::uint8_t refused = 0xff;

  std::uint8_t missing_ = 0;     // continuation bytes still to come, or `refused`
  std::uint8_t lowest_ = 0x80;   // the range of the next one: RFC 3629 section 4 narrows the second byte,
  std::uint8_t highest_ = 0xbf;  // which keeps out overlong forms, surrogates and everything above U+10FFFF
};

}  // namespace sluice::SLUICE_ABI::json
