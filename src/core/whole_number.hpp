// SPDX-License-Identifier: MIT
// A number that is written as text, and nothing else beside it.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace sluice {

/// The number that the whole text is; nothing when it is something else, or more than T holds. No sign but a minus
/// where T has one, no blanks; leading zeros count for nothing.
template <std::integral T>
std::optional<T> whole_number(std::string_view text, int base = 10) noexcept {
  T number{};
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number, base);
  return error == std::errc() && end == last ? std::optional(number) : std::nullopt;
}

/// The same, if it is written as std::to_string writes it: so that a number has one text only.
template <std::integral T>
std::optional<T> canonical_number(std::string_view text) {
  const auto number = whole_number<T>(text);
  return number && std::to_string(*number) == text ? number : std::nullopt;
}

}  // namespace sluice
