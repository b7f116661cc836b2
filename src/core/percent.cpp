// SPDX-License-Identifier: MIT
#include "core/percent.hpp"

#include "core/ascii.hpp"

namespace sluice::SLUICE_ABI {
namespace {

// True: all of the text was valid.
bool decode(std::string_view text, std::string& decoded) {
  bool valid = true;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool has_digits = text[at] == '%' && text.size() - at > 2;
    const int high = has_digits ? hex_digit(text[at + 1]) : -1;
    const int low = has_digits ? hex_digit(text[at + 2]) : -1;
    if (high >= 0 && low >= 0) {
      decoded += static_cast<char>(high * 16 + low);
      at += 2;
    } else {
      valid = valid && text[at] != '%';
      decoded += text[at];
    }
  }
  return valid;
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  if (!decode(text, decoded)) return std::nullopt;
  return decoded;
}

std::string percent_decoded_where_valid(std::string_view text) {
  std::string decoded;
  (void)decode(text, decoded);
  return decoded;
}

}  // namespace sluice::SLUICE_ABI
