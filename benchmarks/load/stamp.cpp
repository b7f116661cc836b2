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

// What rows of a table may look like, so that messages shrink as far as real ones do. No '#', which marks the stamp.
std::string rows() {
  std::string out;
  for (unsigned id = 1; out.size() < 64 * 1024; id = id * 1664525 + 1013904223) {
    out += fmt::format(R"(,'id':{},'order':'{}.00','name':'row {}','price':{},'active':{})", id % 10'000, id % 500,
                       id >> 28, id >> 16, id & 1 ? "true" : "false");
  }
  return out;
}

const std::string& filling() {
  static const std::string text = rows();
  return text;
}

}  // namespace

std::string stamped(Stamp stamp, std::size_t bytes) {
  std::string payload = fmt::format(R"({{"m":"#{:08x}{:016x})", stamp.number, stamp.sent_at);
  while (payload.size() + 2 < bytes) {
    const std::string_view rows = std::string_view(filling()).substr(stamp.number * 997 % (filling().size() / 2));
    payload += rows.substr(0, bytes - 2 - payload.size());
  }
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
