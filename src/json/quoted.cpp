// SPDX-License-Identifier: MIT
#include "json/quoted.hpp"

#include <cstddef>

#include "core/quoted.hpp"
#include "sluice/json/writer.hpp"

namespace sluice::SLUICE_ABI::json {
namespace {

constexpr std::size_t longest = 64;

}  // namespace

std::string in_quotes(std::string_view text) { return sluice::in_quotes(text, longest); }

std::string shown(Value value) {
  if (value.is_missing()) return "nothing";
  Writer out(Style::python);
  out.value(value);
  std::string text = out.take();
  return text.size() > longest ? text.substr(0, longest) + "..." : text;
}

}  // namespace sluice::SLUICE_ABI::json
