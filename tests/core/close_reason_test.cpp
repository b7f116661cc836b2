// SPDX-License-Identifier: MIT
#include "sluice/core/close_reason.hpp"

#include "support/catch.hpp"

using namespace sluice;

TEST_CASE("only some close codes may be sent", "[core][LC-14]") {
  const auto allowed = [](int code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
  };
  for (int code = 0; code <= 0xffff; ++code) {
    CAPTURE(code);
    REQUIRE(may_be_sent(static_cast<std::uint16_t>(code)) == allowed(code));
  }
}

TEST_CASE("the default close reason is 1000 without a text", "[core][LC-12]") {
  CHECK(CloseReason() == CloseReason(1000, ""));
  CHECK(CloseReason(4321, "bye").text() == "bye");
  CHECK_FALSE(CloseReason(4321, "bye") == CloseReason(4321));
}
