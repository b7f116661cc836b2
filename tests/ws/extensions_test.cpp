// SPDX-License-Identifier: MIT
#include "sluice/ws/extensions.hpp"

#include "support/catch.hpp"

using namespace sluice;

namespace {

// "name; parameter=value, name": the offers written plainly, or "malformed".
std::string offers(std::string_view header) {
  const auto parsed = ws::parse_extensions(header);
  if (!parsed) return "malformed";
  std::string out;
  for (const auto& offer : *parsed) {
    if (!out.empty()) out += ", ";
    out += offer.name;
    for (const auto& [name, value] : offer.parameters) out += "; " + name + (value ? "=" + *value : "");
  }
  return out;
}

}  // namespace

TEST_CASE("the examples of RFC 6455 section 9.1", "[ws]") {
  CHECK(offers("foo, bar; baz=2") == "foo, bar; baz=2");
  CHECK(offers("deflate-stream, mux; max-channels=4; flow-control, deflate-stream") ==
        "deflate-stream, mux; max-channels=4; flow-control, deflate-stream");
  CHECK(offers("private-extension") == "private-extension");
}

TEST_CASE("blanks stand between the pieces or not, and elements may be empty", "[ws]") {
  CHECK(offers("a;b=1;c,d") == "a; b=1; c, d");
  CHECK(offers(" \ta\t; b = 1 ;\tc , d ") == "a; b=1; c, d");
  CHECK(offers(", a,, ,b,") == "a, b");
  CHECK(offers("") == "");
  CHECK(offers(" , ") == "");
}

TEST_CASE("a quoted value is a token in quotes", "[ws]") {
  CHECK(offers(R"(a; b="10")") == "a; b=10");
  CHECK(offers(R"(a; b="1\0", c)") == "a; b=10, c");
  for (const char* wrong : {R"(a; b="")", R"(a; b="1 0")", R"(a; b="1,0")", R"(a; b="1;0")", R"(a; b="10)", R"(a; b=")",
                            R"(a; b="10\)", R"(a; b="1\"0")", R"(a; b="10"0)", R"("a"; b)", R"(a; "b")"}) {
    CAPTURE(wrong);
    CHECK(offers(wrong) == "malformed");
  }
}

TEST_CASE("a malformed list of extensions is refused as a whole", "[ws]") {
  for (const char* wrong : {";", "=", "a;", "a;;b", "a; =1", "a; b=", "a; b=,c", "a b", "a; b c", "a; b=1 2",
                            "a; b=1=2", "a=1", "a/b", "(a)", "good, a;", "a\x01", "\xc3\xa9"}) {
    CAPTURE(wrong);
    CHECK(offers(wrong) == "malformed");
  }
}
