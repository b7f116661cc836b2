// SPDX-License-Identifier: MIT
#include "sluice/layer/group_of.hpp"

namespace sluice::SLUICE_ABI {
namespace {

void put(std::string& name, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (plain) {
      name += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    name += '.';
    name += digits[byte >> 4];
    name += digits[byte & 15];
  }
}

}  // namespace

std::string group_of(std::string_view kind, std::initializer_list<std::string_view> parameters) {
  std::string name;
  put(name, kind);
  for (const std::string_view parameter : parameters) {
    name += '-';
    put(name, parameter);
  }
  return name;
}

}  // namespace sluice::SLUICE_ABI
