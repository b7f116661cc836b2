// SPDX-License-Identifier: MIT
// Reads a text that consists of one number.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// The number, or nullopt if the text is anything else or exceeds T. No sign but a minus for signed types, no blanks;
/// leading zeros are accepted.
template <std::integral T>
std::optional<T> whole_number(std::string_view text, int base = 10) noexcept {
  T number{};
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number, base);
  return error == std::errc() && end == last ? std::optional(number) : std::nullopt;
}

/// The same, but only as std::to_string writes it, so that each number has one text.
template <std::integral T>
std::optional<T> canonical_number(std::string_view text) {
  const auto number = whole_number<T>(text);
  return number && std::to_string(*number) == text ? number : std::nullopt;
}

}  // namespace sluice::SLUICE_ABI
