// SPDX-License-Identifier: MIT
#include "sluice/json/writer.hpp"

#include <fmt/format.h>

#include <array>
#include <cassert>
#include <cmath>
#include <cstring>
#include <utility>

#include "json/utf8_sequence.hpp"
#include "sluice/json/utf8.hpp"

namespace sluice::SLUICE_ABI::json {
namespace {

// The characters of a text that decide how to quote it.
struct Contents {
  bool to_escape;  // a control character, a quote or a backslash
  bool deleted;    // U+007F, which only Python escapes
  bool non_ascii;
};

constexpr std::uint64_t every_byte(std::uint8_t byte) { return byte * (~std::uint64_t{0} / 255); }
constexpr std::uint64_t top_bits = every_byte(0x80);

constexpr bool is_to_escape(std::uint8_t byte) { return byte < 0x20 || byte == '"' || byte == '\\'; }

// Eight bytes at a time; most texts are short and need nothing.
Contents contents_of(std::string_view text) {
  if (text.size() < 8) {
    Contents contents{};
    for (const char c : text) {
      const auto byte = static_cast<std::uint8_t>(c);
      contents.to_escape |= is_to_escape(byte);
      contents.deleted |= byte == 0x7f;
      contents.non_ascii |= byte >= 0x80;
    }
    return contents;
  }

  std::uint64_t to_escape = 0;
  std::uint64_t deleted = 0;
  std::uint64_t non_ascii = 0;
  const auto look_at = [&](std::size_t at) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data() + at, 8);
    // x - n borrows into the top bit of an ASCII byte x if x < n, and x ^ c is below 1 only for c. A borrow may pass on
    // to the next byte, but only from one that counts already.
    const std::uint64_t control = eight - every_byte(0x20);
    const std::uint64_t quote = (eight ^ every_byte('"')) - every_byte(1);
    const std::uint64_t backslash = (eight ^ every_byte('\\')) - every_byte(1);
    to_escape |= (control | quote | backslash) & ~eight;
    deleted |= ((eight ^ every_byte(0x7f)) - every_byte(1)) & ~eight;
    non_ascii |= eight;
  };
  for (std::size_t at = 0; at + 8 < text.size(); at += 8) look_at(at);
  look_at(text.size() - 8);
  return {(to_escape & top_bits) != 0, (deleted & top_bits) != 0, (non_ascii & top_bits) != 0};
}

void append_u(std::string& out, unsigned code_unit) {
  constexpr char digits[] = "0123456789abcdef";
  const std::array<char, 6> escape{'\\',
                                   'u',
                                   digits[code_unit >> 12],
                                   digits[code_unit >> 8 & 15],
                                   digits[code_unit >> 4 & 15],
                                   digits[code_unit & 15]};
  out.append(escape.data(), escape.size());
}

void append_escaped(std::string& out, std::uint8_t ascii) {
  switch (ascii) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: append_u(out, ascii);
  }
}

void append_escaped(std::string& out, char32_t code_point) {
  if (code_point < 0x10000) return append_u(out, code_point);
  append_u(out, 0xd800 + ((code_point - 0x10000) >> 10));
  append_u(out, 0xdc00 + (code_point & 0x3ff));
}

}  // namespace

Writer& Writer::begin_object() { return open('{'); }
Writer& Writer::end_object() { return close('}'); }
Writer& Writer::begin_array() { return open('['); }
Writer& Writer::end_array() { return close(']'); }

Writer& Writer::key(std::string_view name) {
  assert(depth_ > 0 && next_ != Next::value && "a key stands in an object, in front of a value");
  if (next_ == Next::more) text_ += style_ == Style::python ? ", " : ",";
  quote(name);
  text_ += style_ == Style::python ? ": " : ":";
  next_ = Next::value;
  return *this;
}

Writer& Writer::null() { return plain("null"); }
Writer& Writer::boolean(bool truth) { return plain(truth ? "true" : "false"); }

Writer& Writer::integer(std::int64_t number) {
  const fmt::format_int digits(number);
  return plain({digits.data(), digits.size()});
}

Writer& Writer::unsigned_integer(std::uint64_t number) {
  const fmt::format_int digits(number);
  return plain({digits.data(), digits.size()});
}

Writer& Writer::value(double number) { return real(number); }
Writer& Writer::value(float number) { return real(number); }

template <class Real>
Writer& Writer::real(Real number) {
  assert(std::isfinite(number) && "JSON has no NaN and no infinity");
  if (!std::isfinite(number)) return null();
  std::array<char, 32> digits;  // the longest is -2.2250738585072014e-308
  char* end = fmt::format_to(digits.data(), "{}", number);
  const std::string_view written(digits.data(), static_cast<std::size_t>(end - digits.data()));
  plain(written);
  if (written.find_first_of(".e") == written.npos) text_ += ".0";
  return *this;
}

Writer& Writer::value(std::string_view text) {
  before_value();
  quote(text);
  return *this;
}

Writer& Writer::value(Value value) {
  value.write_to(*this);
  return *this;
}

Writer& Writer::value(const Text& encoded) { return encoded.empty() ? null() : raw(encoded.view()); }

Writer& Writer::raw(std::string_view encoded) {
  assert(!encoded.empty() && "raw() takes one JSON value");
  return plain(encoded);
}

std::string Writer::take() {
  assert(depth_ == 0 && "an object or an array was not ended");
  next_ = Next::first;
  depth_ = 0;
  return std::exchange(text_, {});
}

Writer& Writer::open(char bracket) {
  before_value();
  text_ += bracket;
  next_ = Next::first;
  ++depth_;
  return *this;
}

Writer& Writer::close(char bracket) {
  assert(depth_ > 0 && next_ != Next::value && "an end without a begin, or a key without a value");
  text_ += bracket;
  next_ = Next::more;
  --depth_;
  return *this;
}

Writer& Writer::plain(std::string_view token) {
  before_value();
  text_ += token;
  return *this;
}

void Writer::before_value() {
  assert((depth_ > 0 || next_ == Next::first) && "a writer holds one value");
  if (next_ == Next::more) text_ += style_ == Style::python ? ", " : ",";
  next_ = Next::more;
}

void Writer::quote(std::string_view text) {
  const bool ascii_only = style_ == Style::python;
  const Contents contents = contents_of(text);
  const bool leave_non_ascii = !contents.non_ascii || (!ascii_only && is_valid_utf8(text));

  text_ += '"';
  if (!contents.to_escape && leave_non_ascii && !(ascii_only && contents.deleted)) {
    text_ += text;
    text_ += '"';
    return;
  }

  std::size_t copied = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<std::uint8_t>(text[at]);
    const bool stays = byte < 0x80 ? !is_to_escape(byte) && !(ascii_only && byte == 0x7f) : leave_non_ascii;
    if (stays) {
      ++at;
      continue;
    }
    text_ += text.substr(copied, at - copied);
    if (byte < 0x80) {
      append_escaped(text_, byte);
      ++at;
    } else {
      const Utf8Sequence sequence = utf8_sequence(text.substr(at));
      if (ascii_only) {
        append_escaped(text_, sequence.code_point);
      } else {
        text_ += sequence.valid ? text.substr(at, sequence.length) : "\xef\xbf\xbd";
      }
      at += sequence.length;
    }
    copied = at;
  }
  text_ += text.substr(copied);
  text_ += '"';
}

}  // namespace sluice::SLUICE_ABI::json
