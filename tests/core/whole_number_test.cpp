// SPDX-License-Identifier: MIT
#include "core/whole_number.hpp"

#include <cstdint>

#include "support/catch.hpp"

using namespace sluice;

TEST_CASE("a whole number is all of its text", "[core]") {
  CHECK(whole_number<int>("42") == 42);
  CHECK(whole_number<int>("-42") == -42);
  CHECK(whole_number<int>("007") == 7);
  CHECK(whole_number<unsigned>("ff", 16) == 255U);
  CHECK(whole_number<std::uint16_t>("65535") == 65535);
  for (const char* text : {"", " 1", "1 ", "+1", "1x", "x1", "-", "0x1", "65536", "-1"}) {
    CAPTURE(text);
    CHECK_FALSE(whole_number<std::uint16_t>(text));
  }
}

TEST_CASE("a canonical number has one text only", "[core]") {
  CHECK(canonical_number<std::int64_t>("-9223372036854775808") == INT64_MIN);
  CHECK(canonical_number<int>("0") == 0);
  for (const char* text : {"", "00", "-0", "01", "+1", "1.0"}) {
    CAPTURE(text);
    CHECK_FALSE(canonical_number<int>(text));
  }
}
