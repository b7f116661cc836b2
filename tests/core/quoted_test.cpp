// SPDX-License-Identifier: MIT
#include "core/quoted.hpp"

#include <string>
#include <vector>

#include "sluice/core/log.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;

TEST_CASE("a text in quotes holds nothing but printable ASCII", "[core]") {
  CHECK(in_quotes("/ws/core/") == R"("/ws/core/")");
  CHECK(in_quotes("\"\\\n\r\t") == R"("\"\\\n\r\t")");
  CHECK(in_quotes(std::string_view("\0\x1b\x7f", 3)) == R"("\u0000\u001b\u007f")");
  CHECK(in_quotes("\xc2\x85\xe2\x80\xa8\xe2\x80\xae\xc2\x9b") == R"("\u0085\u2028\u202e\u009b")");
  CHECK(in_quotes("caf\xc3\xa9 \xf0\x9f\x92\xa9") == R"("caf\u00e9 \ud83d\udca9")");
  CHECK(in_quotes("\x80\xc0\xaf\xed\xa0\x80\xf5\xe2\x82") == R"("\x80\xc0\xaf\xed\xa0\x80\xf5\xe2\x82")");
}

TEST_CASE("a text in quotes is cut, but not inside a character", "[core]") {
  CHECK(in_quotes("abcd", 4) == R"("abcd")");
  CHECK(in_quotes("abcde", 4) == R"("abcd"...)");
  CHECK(in_quotes("abc\xc3\xa9", 4) == R"("abc"...)");
}

TEST_CASE("a quoted line keeps letters, and escapes what controls a terminal or the text's direction", "[core]") {
  CHECK(on_one_line("caf\xc3\xa9 \"x\" \\ \xf0\x9f\x92\xa9\t.") == "caf\xc3\xa9 \"x\" \\ \xf0\x9f\x92\xa9\t.");
  CHECK(on_one_line("a\nb\r\x1b[31m\xc2\x9b"
                    "2K") == R"(a\u000ab\u000d\u001b[31m\u009b2K)");
  CHECK(on_one_line("\xe2\x80\x8f\xe2\x81\xa6\xef\xbb\xbf\xd8\x9c") == R"(\u200f\u2066\ufeff\u061c)");
  CHECK(on_one_line("\xff.\xc3") == R"(\xff.\xc3)");
}

TEST_CASE("a log line stays one line, whatever text it is made of", "[core]") {
  const test::LogCapture captured;
  log(LogLevel::error, "threw: bad value \"\n\xe2\x80\xa8sluice error: forged\"");
  CHECK(captured.lines() == std::vector<std::string>{R"(threw: bad value "\u000a\u2028sluice error: forged")"});
}
