// SPDX-License-Identifier: MIT
#include "core/random.hpp"

#include <set>

#include "support/catch.hpp"

using namespace sluice;

TEST_CASE("random bytes come in any number, and every part of them is random", "[core]") {
  CHECK(random_bytes(0) == "");
  for (const std::size_t size : {1, 255, 256, 257, 1'000}) CHECK(random_bytes(size).size() == size);
  // A part that stayed as it was made would be zeros in both; 16 zeros by chance are as likely as a key that is
  // guessed.
  const std::string bytes = random_bytes(1'024);
  for (std::size_t at = 0; at < bytes.size(); at += 16) CHECK(bytes.substr(at, 16) != std::string(16, '\0'));
  std::set<std::string> different;
  for (int i = 0; i < 1'000; ++i) different.insert(random_bytes(16));
  CHECK(different.size() == 1'000);
}

TEST_CASE("random hexadecimal digits are as many as asked for, in lower case", "[core]") {
  const std::string digits = random_hex(32);
  CHECK(digits.size() == 32);
  CHECK(digits.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(digits != random_hex(32));
  std::set<char> seen;
  for (const char digit : random_hex(10'000)) seen.insert(digit);
  CHECK(seen.size() == 16);
}
