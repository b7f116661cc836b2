// SPDX-License-Identifier: MIT
#include "sluice/json/writer.hpp"

#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include "sluice/json/document.hpp"
#include "sluice/json/utf8.hpp"
#include "support/catch.hpp"

using namespace sluice;
using json::Style;
using json::Writer;

namespace {

template <class T>
std::string written(T value, Style style = Style::compact) {
  return Writer(style).value(value).take();
}

std::string python(std::string_view text) { return written(text, Style::python); }

}  // namespace

TEST_CASE("the writer puts commas and colons", "[json]") {
  const auto write_all = [](Style style) {
    Writer out(style);
    out.begin_object();
    out.key("null").null().key("yes").value(true).key("no").value(false);
    out.key("empty").begin_array().end_array().key("none").begin_object().end_object();
    out.key("list").begin_array().value(1).value("x").begin_array().value(2).end_array().value(3).end_array();
    out.key("raw").raw("[1,2]").key("text").value(json::Text("{}")).key("no text").value(json::Text());
    out.end_object();
    return out.take();
  };
  CHECK(
      write_all(Style::compact) ==
      R"({"null":null,"yes":true,"no":false,"empty":[],"none":{},"list":[1,"x",[2],3],"raw":[1,2],"text":{},"no text":null})");
  CHECK(
      write_all(Style::python) ==
      R"({"null": null, "yes": true, "no": false, "empty": [], "none": {}, "list": [1, "x", [2], 3], "raw": [1,2], "text": {}, "no text": null})");
}

TEST_CASE("the Python style gives the bytes of json.dumps", "[json][LC-19]") {
  Writer out(Style::python);
  out.begin_object().key("type").value("force_disconnect").end_object();
  CHECK(out.take() == R"({"type": "force_disconnect"})");

  CHECK(python("caf\xc3\xa9") == R"("caf\u00e9")");
  CHECK(python("\xe2\x82\xac") == R"("\u20ac")");
  CHECK(python("\xef\xbf\xbf") == R"("\uffff")");
  CHECK(python("\xf0\x90\x80\x80") == R"("\ud800\udc00")");
  CHECK(python("\xf0\x9f\x98\x80!") == R"("\ud83d\ude00!")");
  CHECK(python("\xf4\x8f\xbf\xbf") == R"("\udbff\udfff")");
  CHECK(python("\x7f") == R"("\u007f")");
  CHECK(python("a\x7f long enough") == R"("a\u007f long enough")");
  CHECK(python("</script>") == R"("</script>")");
}

TEST_CASE("quotes, backslashes and control characters are escaped", "[json]") {
  CHECK(written(R"(say "hi" \o/)") == R"("say \"hi\" \\o/")");
  CHECK(written("\b\f\n\r\t") == R"("\b\f\n\r\t")");
  std::string controls, expected = "\"";
  for (char c = 0; c < 8; ++c) {
    controls += c;
    expected += std::string("\\u000") + static_cast<char>('0' + c);
  }
  CHECK(written(std::string_view(controls)) == expected + "\"");
  CHECK(written("\x1f\x7f") == "\"\\u001f\x7f\"");
  CHECK(written("\xe2\x80\xa8") == "\"\xe2\x80\xa8\"");
  CHECK(written("") == R"("")");
}

TEST_CASE("an escape is found wherever it stands", "[json]") {
  for (const auto style : {Style::compact, Style::python}) {
    for (std::size_t length = 1; length <= 40; ++length) {
      for (std::size_t at = 0; at < length; ++at) {
        std::string text(length, 'x');
        text[at] = '"';
        CHECK(written(std::string_view(text), style) ==
              "\"" + text.substr(0, at) + "\\\"" + text.substr(at + 1) + "\"");
        text[at] = '\x1e';
        CHECK(written(std::string_view(text), style) ==
              "\"" + text.substr(0, at) + "\\u001e" + text.substr(at + 1) + "\"");
        text[at] = '\\';
        CHECK(written(std::string_view(text), style) ==
              "\"" + text.substr(0, at) + "\\\\" + text.substr(at + 1) + "\"");
        text[at] = '\xff';
        CHECK(written(std::string_view(text), style) == "\"" + text.substr(0, at) +
                                                            (style == Style::python ? "\\ufffd" : "\xef\xbf\xbd") +
                                                            text.substr(at + 1) + "\"");
      }
    }
  }
}

TEST_CASE("bytes that are not UTF-8 become U+FFFD, one for each broken sequence", "[json]") {
  const auto [bytes, expected] = GENERATE(table<std::string_view, std::string_view>({
      {"a\xff z", "a\\ufffd z"},
      {"\x80\x80", "\\ufffd\\ufffd"},
      {"\xc3", "\\ufffd"},
      {"\xc3(", "\\ufffd("},
      {"\xe2\x82", "\\ufffd"},
      {"\xe2\x82x", "\\ufffdx"},
      {"\xf0\x9f\x98", "\\ufffd"},
      {"\xf0\x9f\x98\xf0\x9f\x98\x80", "\\ufffd\\ud83d\\ude00"},
      {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},
      {"\xc0\xaf", "\\ufffd\\ufffd"},
      {"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
      {"\xc3\xa9\xff\xc3\xa9", "\\u00e9\\ufffd\\u00e9"},
  }));
  CHECK(python(bytes) == "\"" + std::string(expected) + "\"");

  const std::string compact = written(bytes);
  CHECK(json::is_valid_utf8(compact));
  const auto from_compact = json::Document::parse(compact);
  const auto from_python = json::Document::parse(python(bytes));
  REQUIRE(from_compact);
  REQUIRE(from_python);
  CHECK(from_compact->root().as_string() == from_python->root().as_string());
}

TEST_CASE("integers of every width are written in full", "[json]") {
  CHECK(written(std::int8_t{-128}) == "-128");
  CHECK(written(std::uint8_t{255}) == "255");
  CHECK(written(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(written(std::numeric_limits<std::int64_t>::max()) == "9223372036854775807");
  CHECK(written(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(written(0) == "0");
}

TEST_CASE("floating numbers are short, exact, and never look like integers", "[json][CC-12]") {
  const auto [number, expected] = GENERATE(table<double, std::string>({
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {-1.5, "-1.5"},
      {0.1, "0.1"},
      {0.1 + 0.2, "0.30000000000000004"},
      {100.0, "100.0"},
      {123456789012345680.0, "1.2345678901234568e+17"},
      {1e15, "1000000000000000.0"},
      {9999999999999998.0, "9999999999999998.0"},
      {1e16, "1e+16"},
      {1.5e16, "1.5e+16"},
      {1e22, "1e+22"},
      {1e100, "1e+100"},
      {0.0001, "0.0001"},
      {0.00012345, "0.00012345"},
      {0.00001, "1e-05"},
      {1.5e-7, "1.5e-07"},
      {5e-324, "5e-324"},
      {2.2250738585072014e-308, "2.2250738585072014e-308"},
      {-1.7976931348623157e308, "-1.7976931348623157e+308"},
  }));
  CHECK(written(number) == expected);
  CHECK(written(number, Style::python) == expected);
}

TEST_CASE("a float is as short as a float can be", "[json]") {
  CHECK(written(0.1f) == "0.1");
  CHECK(written(1.0f) == "1.0");
  CHECK(written(16777216.0f) == "16777216.0");
  CHECK(written(std::numeric_limits<float>::max()) == "3.4028235e+38");
}

TEST_CASE("any double comes back as it was", "[json]") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t bits = random();
    const auto number = std::bit_cast<double>(bits);
    if (number - number != 0) continue;  // an infinity or a NaN
    const auto document = json::Document::parse(written(number));
    REQUIRE(document);
    REQUIRE(document->root().kind() == json::Kind::number);
    REQUIRE(std::bit_cast<std::uint64_t>(*document->root().as_double()) == bits);
  }
}

#ifdef NDEBUG
TEST_CASE("NaN and the infinities are never written", "[json][LC-19]") {
  CHECK(written(std::numeric_limits<double>::quiet_NaN()) == "null");
  CHECK(written(std::numeric_limits<double>::infinity()) == "null");
  CHECK(written(-std::numeric_limits<float>::infinity()) == "null");
}
#endif

TEST_CASE("any bytes are written as valid JSON that reads back", "[json]") {
  std::mt19937 random(11);
  const auto byte = [&] {
    constexpr std::string_view common = "\"\\/\n\x7f\xc3\xa9\xf0\x9f\x98\x80\xe2\x82\xac\xed\xa0";
    return random() % 2 ? common[random() % common.size()] : static_cast<char>(random());
  };
  for (int i = 0; i < 5'000; ++i) {
    std::string text(random() % 24, '\0');
    for (char& c : text) c = byte();
    const bool valid = json::is_valid_utf8(text);
    const auto compact = json::Document::parse(written(std::string_view(text)));
    const auto python_way = json::Document::parse(python(text));
    REQUIRE(compact);
    REQUIRE(python_way);
    REQUIRE(compact->root().as_string() == python_way->root().as_string());
    REQUIRE((compact->root().as_string() == text) == valid);
  }
}

TEST_CASE("values of a document are written in the writer's style", "[json][LC-19]") {
  const auto document = json::Document::parse("{\"a\":[1,1.0,\"\xc3\xa9\"],\"b\":{}}");
  REQUIRE(document);
  CHECK(written(document->root(), Style::python) == R"({"a": [1, 1.0, "\u00e9"], "b": {}})");
  CHECK(written(document->root()["nothing"]) == "null");
}

TEST_CASE("a writer can be looked at, emptied and used again", "[json]") {
  Writer out;
  out.reserve(100);
  out.begin_array().value(1);
  CHECK(out.view() == "[1");
  out.end_array();
  CHECK(out.take_text() == json::Text("[1]"));
  CHECK(out.view() == "");
  CHECK(out.value("again").take() == R"("again")");
  CHECK(out.take() == "");
  CHECK(out.style() == Style::compact);
}
