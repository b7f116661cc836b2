// SPDX-License-Identifier: MIT
#include "load/stamp.hpp"

#include <fmt/format.h>

#include <charconv>

namespace load {

namespace {

constexpr std::size_t number_digits = 8, time_digits = 16;

template <class Number>
bool read_hex(std::string_view digits, Number& number) {
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return error == std::errc{} && end == digits.data() + digits.size();
}

}  // namespace

std::string stamped(Stamp stamp, std::size_t bytes) {
  std::string payload = fmt::format(R"({{"m":"#{:08x}{:016x})", stamp.number, stamp.sent_at);
  if (payload.size() + 2 < bytes) payload.resize(bytes - 2, 'x');
  return payload + "\"}";
}

std::optional<Stamp> stamp_of(std::string_view payload) {
  const std::size_t mark = payload.find('#');
  if (mark == payload.npos || payload.size() - mark - 1 < number_digits + time_digits) return std::nullopt;
  Stamp stamp{};
  if (!read_hex(payload.substr(mark + 1, number_digits), stamp.number) ||
      !read_hex(payload.substr(mark + 1 + number_digits, time_digits), stamp.sent_at)) {
    return std::nullopt;
  }
  return stamp;
}

}  // namespace load
