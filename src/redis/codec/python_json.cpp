// SPDX-License-Identifier: MIT
#include "redis/codec/python_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "core/whole_number.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

constexpr std::string_view replacement = "\\ufffd";
constexpr std::size_t escape_length = 6;  // of "\uXXXX"

std::optional<std::uint16_t> escaped_unit(std::string_view text) {
  if (text.size() < escape_length || !text.starts_with("\\u")) return std::nullopt;
  return whole_number<std::uint16_t>(text.substr(2, 4), 16);
}
bool is_high(std::uint16_t unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool is_low(std::uint16_t unit) { return unit >= 0xdc00 && unit < 0xe000; }

class Rewriter {
 public:
  explicit Rewriter(std::string_view text) : text_(text) { out_.reserve(text.size()); }

  std::string rewrite() {
    while (!text_.empty()) step();
    return std::move(out_);
  }

 private:
  void step() {
    if (text_.front() == '"') return string();
    constexpr std::array<std::string_view, 3> words{"NaN", "Infinity", "-Infinity"};
    for (const std::string_view word : words) {
      if (!text_.starts_with(word)) continue;
      text_.remove_prefix(word.size());
      out_ += "null";
      return;
    }
    const std::size_t length = std::min(text_.find_first_not_of("0123456789+-.eE"), text_.size());
    length > 0 ? number(length) : copy(1);
  }

  void copy(std::size_t length) {
    out_ += text_.substr(0, length);
    text_.remove_prefix(std::min(length, text_.size()));
  }

  // Up to and with its closing quote.
  void string() {
    copy(1);
    while (!text_.empty()) {
      if (text_.front() == '"') return copy(1);
      if (text_.front() == '\\') {
        escape();
      } else {
        copy(std::min(text_.find_first_of("\\\""), text_.size()));
      }
    }
  }

  void escape() {
    const auto unit = escaped_unit(text_);
    if (!unit || (!is_high(*unit) && !is_low(*unit))) return copy(2);
    const auto second = is_high(*unit) ? escaped_unit(text_.substr(escape_length)) : std::nullopt;
    if (second && is_low(*second)) return copy(2 * escape_length);
    text_.remove_prefix(escape_length);
    out_ += replacement;
  }

  void number(std::size_t length) {
    const std::string token(text_.substr(0, length));
    const bool digits = token.find_first_not_of("0123456789", token.front() == '-' ? 1 : 0) == token.npos;
    if (!digits || token == "-" || whole_number<std::int64_t>(token) || whole_number<std::uint64_t>(token)) {
      return copy(length);
    }
    text_.remove_prefix(length);
    const double nearest = std::strtod(token.c_str(), nullptr);  // digits only: no locale matters
    out_ += std::isfinite(nearest) ? fmt::format("{}", nearest) : "null";
  }

  std::string_view text_;
  std::string out_;
};

}  // namespace

std::string to_strict_json(std::string_view python) { return Rewriter(python).rewrite(); }

}  // namespace sluice::SLUICE_ABI::redis
