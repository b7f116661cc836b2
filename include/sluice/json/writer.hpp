// SPDX-License-Identifier: MIT
// Encodes JSON, front to back.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "sluice/abi.hpp"
#include "sluice/json/text.hpp"
#include "sluice/json/value.hpp"

namespace sluice::SLUICE_ABI::json {

enum class Style : std::uint8_t {
  compact,  // no white space, text as UTF-8
  python,   // what Python's json.dumps writes: ", " and ": ", all outside ASCII as \uXXXX (behaviour LC-19)
};

/// The integers that JSON knows: neither bool nor a character type.
template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> && !std::same_as<T, wchar_t> &&
                  !std::same_as<T, char8_t> && !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

/// Writes one JSON value piece by piece, and puts the commas. What it writes is always valid JSON in valid UTF-8, as
/// long as the pieces come in an order that makes sense (asserted) and raw() is given valid JSON.
/// One thread at a time.
///
///   json::Writer out;
///   out.begin_object().key("type").value("row_created").key("ids").begin_array().value(1).end_array().end_object();
///   json::Text event = out.take_text();
class SLUICE_API Writer {
 public:
  explicit Writer(Style style = Style::compact) noexcept : style_(style) {}

  Writer& begin_object();
  Writer& end_object();
  Writer& begin_array();
  Writer& end_array();
  Writer& key(std::string_view name);

  Writer& null();
  Writer& value(std::same_as<bool> auto truth) { return boolean(truth); }
  Writer& value(Integer auto number) {
    if constexpr (std::is_signed_v<decltype(number)>) return integer(static_cast<std::int64_t>(number));
    return unsigned_integer(static_cast<std::uint64_t>(number));
  }
  /// The shortest text that reads back as the same number, in Python's spelling: 1.0, 1e+16, 1e-05. JSON has no NaN and
  /// no infinity: asserted against, and written as null where asserts are off (behaviour LC-19).
  Writer& value(double number);
  Writer& value(float number);
  /// Quoted and escaped. Bytes that are not UTF-8 become U+FFFD, one for each broken sequence.
  Writer& value(std::string_view text);
  /// Encoded again in this writer's style; missing becomes null.
  Writer& value(Value value);
  /// As it is, whatever the style; an empty Text becomes null.
  Writer& value(const Text& encoded);
  /// One encoded JSON value. Neither checked nor changed.
  Writer& raw(std::string_view encoded);

  /// What was written so far; the next call may move it.
  std::string_view view() const noexcept { return text_; }
  /// The finished text. The writer is empty again and may be reused.
  std::string take();
  Text take_text() { return Text(take()); }

  Style style() const noexcept { return style_; }
  /// Reserves this many further bytes.
  void reserve(std::size_t bytes) { text_.reserve(text_.size() + bytes); }

 private:
  Writer& boolean(bool truth);
  Writer& integer(std::int64_t number);
  Writer& unsigned_integer(std::uint64_t number);
  template <class Real>
  Writer& real(Real number);
  Writer& open(char bracket);
  Writer& close(char bracket);
  Writer& plain(std::string_view token);
  void before_value();
  void quote(std::string_view text);

  enum class Next : std::uint8_t {
    first,  // at the start, or behind an opening bracket
    more,   // behind a value: a comma, a closing bracket or the end
    value,  // behind a key
  };

  std::string text_;
  Style style_;
  Next next_ = Next::first;
  std::uint32_t depth_ = 0;  // open brackets
};

}  // namespace sluice::SLUICE_ABI::json
