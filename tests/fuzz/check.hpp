// SPDX-License-Identifier: MIT
// What fuzzers have in common: a promise that does not hold ends the program, and libFuzzer keeps the input.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

inline void check(bool holds) {
  if (!holds) std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}
