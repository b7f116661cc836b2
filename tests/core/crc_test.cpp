// SPDX-License-Identifier: MIT
#include "core/crc.hpp"

#include <string>

#include "support/catch.hpp"

using namespace sluice;

TEST_CASE("CRC-32 and CRC-32C have the check values of their catalogue", "[core]") {
  CHECK(crc32("123456789") == 0xcbf43926);
  CHECK(crc32c("123456789") == 0xe3069283);
  CHECK(crc32("") == 0);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);  // RFC 3720 appendix B.4
}
