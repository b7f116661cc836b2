// SPDX-License-Identifier: MIT
#include "sluice/json/document.hpp"

#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"

using namespace sluice;

namespace {

// How parsing ends: the text encoded again, or the error's name.
std::string outcome(std::string_view text) {
  const auto document = json::Document::parse(text);
  return document ? std::string(document->root().to_text().view()) : std::string(to_string(document.error().code()));
}

std::string repeated(std::string_view piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

std::string nested(std::size_t depth) { return repeated("[", depth) + repeated("]", depth); }

}  // namespace

TEST_CASE("every kind of value may be a whole text", "[json][LC-19]") {
  for (const std::string text : {"null", "true", "false", "0", "-7", "1.5", R"("page")", "[]", "{}"}) {
    CHECK(outcome(text) == text);
  }
  CHECK(outcome(" \t\r\n{ \"a\" : [ 1 , 2 ] } \n") == R"({"a":[1,2]})");
}

TEST_CASE("texts that are not JSON are refused", "[json][LC-18][LC-19]") {
  const std::string_view text = GENERATE(
      as<std::string_view>{},  //
      "", " ", "\n", "{", "}", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
      "{,}", "{\"a\" 1}", "{a:1}", "{'a':1}", "{1:2}", "{\"a\":1}}", "[1]]", "[1}", "{\"a\":1]", "1 2", "{}{}",
      "[] null", "tru", "True", "nul", "nulll", "None", "undefined", "\"", "\"abc", "\"a\\\"", "abc", "//x", "/* */1",
      "[1] // x", "\"\\x41\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\'\"", "\"a\nb\"", "\"a\tb\"",
      std::string_view("\"a\0b\"", 5), std::string_view("1\0", 2), std::string_view("\0", 1), "\x0c[]", "\xc2\xa0[]");
  CAPTURE(text);
  CHECK(outcome(text) == "parse_failed");
}

TEST_CASE("NaN and the infinities are refused", "[json][LC-19]") {
  const std::string_view text =
      GENERATE("NaN", "nan", "Infinity", "-Infinity", "-NaN", "inf", "[NaN]", R"({"a":Infinity})");
  CAPTURE(text);
  CHECK(outcome(text) == "parse_failed");
}

TEST_CASE("numbers outside the grammar are refused", "[json]") {
  const std::string_view text = GENERATE("01", "-01", "00", "-", "+1", ".5", "1.", "1.e5", "1e", "1e+", "-e1", "0x10",
                                         "1_000", "1a", "--1", "1.2.3", "1e5.5", "- 1");
  CAPTURE(text);
  CHECK(outcome(text) == "parse_failed");
  CHECK(outcome("[" + std::string(text) + "]") == "parse_failed");
}

TEST_CASE("a number above 64 bits has an error code of its own", "[json][CC-14]") {
  const std::string huge(120, '7');
  const std::string number =
      GENERATE_COPY(as<std::string>{}, huge, "-" + huge, "18446744073709551616", "-9223372036854775809", "1e400",
                    "-1e400", "99999999999999999999", "1" + std::string(400, '0') + ".5");
  CAPTURE(number);
  CHECK(outcome(number) == "number_too_large");
  CHECK(outcome("[" + number + "]") == "number_too_large");
  CHECK(outcome(R"({"page":"table","table_id":)" + number + "}") == "number_too_large");
  CHECK(outcome(R"([{"a \" \\":[[1.5e3,"01",true,null,false]]},)" + number + "]") == "number_too_large");
  CHECK(outcome("[" + number + ",01]") == "parse_failed");
  CHECK(outcome("[01," + number + "]") == "parse_failed");
  CHECK(outcome("[NaN," + number + "]") == "parse_failed");
}

TEST_CASE("the largest numbers that fit keep every digit", "[json]") {
  for (const std::string text : {"9223372036854775807", "-9223372036854775808", "9223372036854775808",
                                 "18446744073709551615", "1.7976931348623157e+308", "5e-324"}) {
    CHECK(outcome(text) == text);
  }
  CHECK(outcome("1e-400") == "0.0");
}

TEST_CASE("a byte order mark is refused", "[json]") {
  CHECK(outcome("\xef\xbb\xbf{}") == "parse_failed");
  CHECK(outcome("\"\xef\xbb\xbf\"") == "\"\xef\xbb\xbf\"");
}

TEST_CASE("text that is not UTF-8 is refused", "[json]") {
  for (const std::string_view bytes :
       {"\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\xc0\xaf\"", "\"\xf4\x90\x80\x80\""}) {
    CHECK(outcome(bytes) == "parse_failed");
  }
  CHECK(outcome(R"("\ud83d")") == "parse_failed");
  CHECK(outcome(R"("\ude00\ud83d")") == "parse_failed");
}

TEST_CASE("nesting goes to max_depth and no further", "[json]") {
  CHECK(outcome(nested(json::max_depth)) == nested(json::max_depth));
  CHECK(outcome(nested(json::max_depth + 1)) == "limit_exceeded");
  CHECK(outcome(nested(10'000)) == "limit_exceeded");
  CHECK(outcome(repeated("{\"a\":", 10'000) + "1" + repeated("}", 10'000)) == "limit_exceeded");

  const auto unclosed = outcome(repeated("[", 10'000));
  CHECK((unclosed == "parse_failed" || unclosed == "limit_exceeded"));

  // The depth is the thread's parser's, whatever it parsed before.
  CHECK(outcome("[" + std::string(2'000'000, ' ') + nested(json::max_depth) + "]") == "limit_exceeded");
  CHECK(outcome(nested(json::max_depth)) == nested(json::max_depth));
}

TEST_CASE("a parse error has the text's length and the reason, without quoting the text", "[json]") {
  const auto document = json::Document::parse(R"({"password":"hunter2")");
  REQUIRE_FALSE(document);
  CHECK(document.error().context().find("JSON of 21 bytes: ") == 0);
  CHECK(document.error().context().find("hunter2") == std::string::npos);
  CHECK(json::Document::parse("").error().context() == "JSON of 0 bytes: there is nothing");
}

TEST_CASE("a document needs neither its text nor the next document", "[json]") {
  std::string text = R"({"name":"ada \u00e9","rows":[1,2,3]})";
  const auto document = json::Document::parse(text);
  REQUIRE(document);
  const json::Value root = document->root();
  text.assign(text.size(), 'x');
  for (int i = 0; i < 100; ++i) CHECK(outcome(R"(["other"])") == R"(["other"])");
  CHECK(root["name"].as_string() == "ada \xc3\xa9");
  CHECK(root.to_text().view() == "{\"name\":\"ada \xc3\xa9\",\"rows\":[1,2,3]}");
}

TEST_CASE("a document moves, and its values stay", "[json]") {
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<json::Document>);
  STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<json::Document>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<json::Document>);
  STATIC_REQUIRE(std::is_nothrow_move_assignable_v<json::Document>);

  auto parsed = json::Document::parse(R"({"id":7})");
  REQUIRE(parsed);
  const json::Value id = parsed->root()["id"];
  json::Document first = *std::move(parsed);
  json::Document second = std::move(first);
  CHECK(id.as_int() == 7);
  CHECK(second.root()["id"].as_int() == 7);
  CHECK(first.root().is_missing());

  first = *json::Document::parse("[1]");
  second = std::move(first);
  CHECK(second.root().to_text().view() == "[1]");
}

TEST_CASE("threads parse side by side and read one document together", "[json]") {
  const auto shared = json::Document::parse(R"({"rows":[{"id":1},{"id":2},{"id":3}]})");
  REQUIRE(shared);
  std::vector<std::string> heard(4);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : heard) {
      threads.emplace_back([&mine, root = shared->root()] {
        for (int i = 0; i < 200; ++i)
          mine = outcome("[" + std::to_string(i) + "]") + std::string(root.to_text().view());
      });
    }
  }
  CHECK(heard == std::vector<std::string>(4, R"([199]{"rows":[{"id":1},{"id":2},{"id":3}]})"));
}

TEST_CASE("every beginning of a text is refused or parsed, and never more than that", "[json]") {
  const std::string text =
      "{\"type\":\"row\\u00e9\",\"a\":[1,-2.5e3,true,null,\"\xf0\x9f\x98\x80\"],\"b\":{\"c\":\"\\\"\\\\\"}}";
  for (std::size_t length = 0; length < text.size(); ++length) {
    CAPTURE(length);
    CHECK(outcome(std::string_view(text).substr(0, length)) == "parse_failed");
  }
  CHECK(outcome(text) != "parse_failed");
}
