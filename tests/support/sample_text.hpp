// SPDX-License-Identifier: MIT
// Text and bytes to compress.
#pragma once

#include <cstddef>
#include <random>
#include <string>

namespace sluice::test {

/// JSON as a table's broadcast has it, cut to exactly this size; another `seed`, other values.
inline std::string rows_json(std::size_t bytes, unsigned seed = 1) {
  static constexpr const char* names[] = {"Ada", "Ben", "Clara", "Dimitri", "Eve", "F\xc3\xa9lix"};
  std::mt19937 random(seed);
  std::string out = R"({"type":"rows_updated","table_id":7,"rows":[)";
  for (int id = 1; out.size() < bytes; ++id) {
    out += R"({"id":)" + std::to_string(random() % 10'000) + R"(,"order":")" + std::to_string(id) +
           R"(.00000000","name":")" + names[random() % 6] + R"(","price":)" + std::to_string(random() % 100'000) +
           R"(,"active":)" + (random() % 2 ? "true" : "false") + "},";
  }
  out.resize(bytes);
  // A letter that was cut in two would be no UTF-8.
  for (std::size_t at = out.size(); at > 0 && (static_cast<unsigned char>(out[at - 1]) & 0x80) != 0; --at) {
    out[at - 1] = '.';
  }
  return out;
}

/// Bytes that don't compress.
inline std::string noise(std::size_t bytes, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::string out(bytes, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

}  // namespace sluice::test
