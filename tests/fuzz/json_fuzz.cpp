// SPDX-License-Identifier: MIT
// Any bytes: refused, or a document that can be walked and is the same document after every way of writing it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sluice/json/document.hpp"
#include "sluice/json/utf8.hpp"
#include "sluice/json/writer.hpp"

namespace json = sluice::json;

namespace {

void expect(bool truth) {
  if (!truth) std::abort();
}

// Asks everything everywhere; returns how many values there are.
std::size_t walk(json::Value value) {
  const bool known = value.is_null() || value.as_bool() || value.as_double() || value.as_string() || value.is_array() ||
                     value.is_object();
  expect(known);
  std::size_t seen = 1;
  std::size_t direct = 0;
  for (json::Value element : value.elements()) {
    seen += walk(element);
    ++direct;
  }
  for (auto [key, member] : value.members()) {
    expect(json::is_valid_utf8(key));
    expect(bool(value[key]));
    seen += walk(member);
    ++direct;
  }
  expect(direct == value.size());
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
  for (const std::size_t length : {1, 3, 17}) expect(valid_in_pieces(text, length) == valid);

  const auto quoted = json::Document::parse(json::Writer().value(text).take());
  expect(quoted.has_value());
  expect((quoted->root().as_string() == text) == valid);

  const auto document = json::Document::parse(text);
  if (!document) return 0;
  expect(valid);
  const std::size_t values = walk(document->root());
  const std::string compact = written(document->root(), json::Style::compact);
  const std::string python = written(document->root(), json::Style::python);
  for (const std::string& form : {compact, python}) {
    const auto again = json::Document::parse(form);
    expect(again.has_value());
    expect(walk(again->root()) == values);
    expect(written(again->root(), json::Style::compact) == compact);
    expect(written(again->root(), json::Style::python) == python);
  }
  return 0;
}
