// SPDX-License-Identifier: MIT
// Any bytes: refused, or a document that can be walked and is the same document after every way of writing it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/check.hpp"
#include "sluice/json/document.hpp"
#include "sluice/json/utf8.hpp"
#include "sluice/json/writer.hpp"

namespace json = sluice::json;

namespace {

// Asks everything everywhere; returns how many values there are.
std::size_t walk(json::Value value) {
  const bool known = value.is_null() || value.as_bool() || value.as_double() || value.as_string() || value.is_array() ||
                     value.is_object();
  check(known);
  std::size_t seen = 1;
  std::size_t direct = 0;
  for (json::Value element : value.elements()) {
    seen += walk(element);
    ++direct;
  }
  for (auto [key, member] : value.members()) {
    check(json::is_valid_utf8(key));
    check(bool(value[key]));
    seen += walk(member);
    ++direct;
  }
  check(direct == value.size());
  return seen;
}

std::string written(json::Value value, json::Style style) { return json::Writer(style).value(value).take(); }

bool valid_in_pieces(std::string_view text, std::size_t length) {
  json::Utf8Validator validator;
  for (std::size_t at = 0; at < text.size(); at += length) {
    if (!validator.feed(text.substr(at, length))) return false;
  }
  return validator.at_boundary();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  const bool valid = json::is_valid_utf8(text);
  for (const std::size_t length : {1, 3, 17}) check(valid_in_pieces(text, length) == valid);

  const auto quoted = json::Document::parse(json::Writer().value(text).take());
  check(quoted.has_value());
  check((quoted->root().as_string() == text) == valid);

  const auto document = json::Document::parse(text);
  if (!document) return 0;
  check(valid);
  const std::size_t values = walk(document->root());
  const std::string compact = written(document->root(), json::Style::compact);
  const std::string python = written(document->root(), json::Style::python);
  for (const std::string& form : {compact, python}) {
    const auto again = json::Document::parse(form);
    check(again.has_value());
    check(walk(again->root()) == values);
    check(written(again->root(), json::Style::compact) == compact);
    check(written(again->root(), json::Style::python) == python);
  }
  return 0;
}
