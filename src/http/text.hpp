// SPDX-License-Identifier: MIT
// The basic grammar of HTTP heads (RFC 9110 section 5.6).
#pragma once

#include <cstddef>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::http {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_control_byte(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

constexpr bool is_token_char(char c) noexcept {
  return is_digit(c) || is_letter(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

constexpr bool is_token(std::string_view text) noexcept {
  for (const char c : text) {
    if (!is_token_char(c)) return false;
  }
  return !text.empty();
}

/// True for a valid header value: no control bytes but the tab.
constexpr bool is_header_value(std::string_view text) noexcept {
  for (const char c : text) {
    if (is_control_byte(c) && c != '\t') return false;
  }
  return true;
}

/// Without the blanks and tabs around it.
constexpr std::string_view trimmed(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The most elements of a list in a handshake. No client offers more, and no chain of proxies is longer.
inline constexpr std::size_t max_list_elements = 64;

/// Calls `visit(element)` for each element of a comma-separated list until one returns false. Empty elements are left
/// out (RFC 9110 section 5.6.1). False: `visit` stopped it.
template <class Visit>
constexpr bool each_in_list(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::string_view element = trimmed(list.substr(0, list.find(',')));
    if (!element.empty() && !visit(element)) return false;
    const auto comma = list.find(',');
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return true;
}

}  // namespace sluice::SLUICE_ABI::http
