// SPDX-License-Identifier: MIT
#include "json/quoted.hpp"

#include <cstddef>

#include "sluice/json/writer.hpp"

namespace sluice::json {
namespace {

constexpr std::size_t longest = 64;

}  // namespace

std::string in_quotes(std::string_view text) {
  Writer out(Style::python);  // everything outside ASCII escaped: a line break of Unicode's is none here
  out.value(text.substr(0, longest));
  return out.take() + (text.size() > longest ? "..." : "");
}

std::string shown(Value value) {
  if (value.is_missing()) return "nothing";
  Writer out(Style::python);
  out.value(value);
  std::string text = out.take();
  return text.size() > longest ? text.substr(0, longest) + "..." : text;
}

}  // namespace sluice::json
