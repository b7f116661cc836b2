// SPDX-License-Identifier: MIT
#include "core/percent.hpp"

#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace sluice;

TEST_CASE("percent-encoded bytes are decoded once", "[core]") {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"", ""},
      {"plain + text", "plain + text"},
      {"%41%62c", "Abc"},
      {"%e9%A6%96", "\xe9\xa6\x96"},
      {"%00", std::string(1, '\0')},
      {"%2541", "%41"},
  };
  for (const auto& [text, bytes] : table) {
    CAPTURE(text);
    CHECK(percent_decoded(text) == bytes);
    CHECK(percent_decoded_where_valid(text) == bytes);
  }
}

TEST_CASE("a percent sign without two digits is refused, or stays", "[core]") {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"%", "%"}, {"%4", "%4"}, {"100%", "100%"}, {"%4g%41", "%4gA"}, {"%+1", "%+1"}, {"%%41", "%A"}, {"% 41", "% 41"},
  };
  for (const auto& [text, bytes] : table) {
    CAPTURE(text);
    CHECK_FALSE(percent_decoded(text));
    CHECK(percent_decoded_where_valid(text) == bytes);
  }
}
