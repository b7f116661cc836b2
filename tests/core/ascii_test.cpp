// SPDX-License-Identifier: MIT
#include "core/ascii.hpp"

#include "support/catch.hpp"

using namespace sluice;

TEST_CASE("the letters of ASCII have two cases, and no other byte has", "[core]") {
  std::string upper, lower;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    if (to_lower(c) == c) continue;
    upper += c;
    lower += to_lower(c);
  }
  CHECK(upper == "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  CHECK(lower == "abcdefghijklmnopqrstuvwxyz");
  CHECK(lower_case("Up-Grade \xc4") == "up-grade \xc4");
  CHECK(equals_ignoring_case("Up-Grade", "uP-gRADE"));
  CHECK_FALSE(equals_ignoring_case("upgrade", "upgrades"));
  CHECK_FALSE(equals_ignoring_case("@[`{", "`{@["));
}

TEST_CASE("hexadecimal digits have a value, and no other byte has", "[core]") {
  std::string digits;
  for (int byte = 0; byte < 256; ++byte) {
    if (hex_digit(static_cast<char>(byte)) >= 0) digits += static_cast<char>(byte);
  }
  CHECK(digits == "0123456789ABCDEFabcdef");
  for (std::size_t i = 0; i < 16; ++i) CHECK(hex_digit("0123456789abcdef"[i]) == static_cast<int>(i));
  CHECK(hex_digit('F') == 15);
}
