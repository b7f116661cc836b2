// SPDX-License-Identifier: MIT
#include "sluice/json/value.hpp"

#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "sluice/json/document.hpp"
#include "sluice/json/writer.hpp"
#include "support/catch.hpp"

using namespace sluice;
using json::Kind;

namespace {

json::Document parsed(std::string_view text) {
  auto document = json::Document::parse(text);
  INFO(text);
  REQUIRE(document);
  return *std::move(document);
}

std::string again(std::string_view text) { return std::string(parsed(text).root().to_text().view()); }

// What each question answers, in one line.
std::string answers(json::Value value) {
  const auto shown = [](const auto& answer) {
    json::Writer out;
    if (answer) {
      out.value(*answer);
    } else {
      out.null();
    }
    return out.take();
  };
  return shown(value.as_bool()) + " " + shown(value.as_int()) + " " + shown(value.as_uint()) + " " +
         shown(value.as_double()) + " " + shown(value.as_string()) + " " + std::to_string(value.size());
}

}  // namespace

TEST_CASE("a value knows its kind", "[json]") {
  const auto document = parsed(R"([null,true,7,9223372036854775808,1.0,"x",[],{}])");
  std::vector<Kind> kinds;
  for (json::Value value : document.root().elements()) kinds.push_back(value.kind());
  CHECK(kinds == std::vector<Kind>{Kind::null, Kind::boolean, Kind::integer, Kind::unsigned_integer, Kind::number,
                                   Kind::string, Kind::array, Kind::object});
  CHECK(json::Value().kind() == Kind::missing);
}

TEST_CASE("a value answers for its own kind only", "[json][CC-13]") {
  const auto document = parsed(R"([null,true,false,-7,7,9223372036854775808,1.0,2e3,"1",[1,2],{"a":1}])");
  std::vector<std::string> heard;
  for (json::Value value : document.root().elements()) heard.push_back(answers(value));
  CHECK(heard == std::vector<std::string>{
                     "null null null null null 0",
                     "true null null null null 0",
                     "false null null null null 0",
                     "null -7 null -7.0 null 0",
                     "null 7 7 7.0 null 0",
                     "null null 9223372036854775808 9.223372036854776e+18 null 0",
                     "null null null 1.0 null 0",
                     "null null null 2000.0 null 0",
                     "null null null null \"1\" 0",
                     "null null null null null 2",
                     "null null null null null 1",
                 });
  CHECK(answers(json::Value()) == "null null null null null 0");
}

TEST_CASE("the is_...() functions agree with the kind", "[json]") {
  const auto document = parsed(R"([null,true,7,9223372036854775808,1.0,"x",[],{}])");
  std::vector<std::string> heard;
  for (json::Value value : document.root().elements()) {
    std::string line;
    for (const bool yes : {bool(value), value.is_missing(), value.is_null(), value.is_bool(), value.is_integer(),
                           value.is_number(), value.is_string(), value.is_array(), value.is_object()}) {
      line += yes ? '1' : '0';
    }
    heard.push_back(line);
  }
  CHECK(heard == std::vector<std::string>{"101000000", "100100000", "100011000", "100011000", "100001000", "100000100",
                                          "100000010", "100000001"});
  CHECK(json::Value().is_missing());
  CHECK_FALSE(json::Value());
}

TEST_CASE("a look-up that finds nothing gives a missing value, at any depth", "[json]") {
  const auto document = parsed(R"({"rows":[{"id":1}],"name":"x","nothing":null})");
  const json::Value root = document.root();
  CHECK(root["rows"].at(0)["id"].as_int() == 1);
  CHECK(root["rows"].at(1)["id"].is_missing());
  CHECK(root["rows"]["id"].is_missing());
  CHECK(root.at(0).is_missing());
  CHECK(root["name"]["id"]["x"].at(3).is_missing());
  CHECK(root["Name"].is_missing());
  CHECK(root["nam"].is_missing());
  CHECK(root[""].is_missing());
  CHECK(root["nothing"].is_null());
  CHECK(json::Value()["a"].at(2).is_missing());
}

TEST_CASE("of duplicate keys the last one wins", "[json][LC-19]") {
  const auto document = parsed(R"({"page":"table","id":1,"page":"view","\u0070age":{"x":1,"x":2}})");
  CHECK(document.root()["page"]["x"].as_int() == 2);
  CHECK(document.root().size() == 4);
}

TEST_CASE("keys are compared after their escapes, to the last byte", "[json]") {
  const auto document = parsed(R"({"a\u0000b":1,"a":2,"\u00e9":3,"":4})");
  CHECK(document.root()[std::string_view("a\0b", 3)].as_int() == 1);
  CHECK(document.root()["a"].as_int() == 2);
  CHECK(document.root()["\xc3\xa9"].as_int() == 3);
  CHECK(document.root()[""].as_int() == 4);
}

TEST_CASE("elements and members come in the order of the text", "[json]") {
  STATIC_REQUIRE(std::forward_iterator<json::Value::Elements::Iterator>);
  STATIC_REQUIRE(std::forward_iterator<json::Value::Members::Iterator>);

  const auto document = parsed(R"({"b":[1,[2,3],{"x":4},"5",6.0],"a":{},"b":null})");
  std::string heard;
  for (auto [key, value] : document.root().members()) {
    heard += std::string(key) + "=" + std::string(value.to_text().view()) + ";";
    for (json::Value element : value.elements()) heard += std::string(element.to_text().view()) + "|";
  }
  CHECK(heard == R"(b=[1,[2,3],{"x":4},"5",6.0];1|[2,3]|{"x":4}|"5"|6.0|a={};b=null;)");

  auto at = document.root().members().begin();
  CHECK((*at++).key == "b");
  CHECK((*at).key == "a");
  const auto rows = document.root().members().begin();
  auto element = (*rows).value.elements().begin();
  CHECK((*element++).as_int() == 1);
  CHECK((*element).is_array());
}

TEST_CASE("values without elements or members iterate over nothing", "[json]") {
  const auto document = parsed(R"({"a":[],"b":{},"c":"text"})");
  std::size_t walked = 0;
  for (const json::Value value : {document.root()["a"], document.root()["b"], document.root()["c"], json::Value()}) {
    for ([[maybe_unused]] json::Value element : value.elements()) ++walked;
    for ([[maybe_unused]] auto member : value.members()) ++walked;
  }
  for ([[maybe_unused]] json::Value element : document.root().elements()) ++walked;
  CHECK(walked == 0);
}

TEST_CASE("encoded again, parameters keep their types", "[json][CC-12]") {
  for (const std::string text : {"1", R"("1")", "1.0", "true", "-0.0", "1e+16", "1e-05", "0.1", "100.0", "null",
                                 R"({"table_id":1.0,"view":"1","x":[1,1.0,true]})"}) {
    CHECK(again(text) == text);
  }
  CHECK(again("1e2") == "100.0");
  CHECK(again("1E0") == "1.0");
  CHECK(again("-0") == "0");
}

TEST_CASE("text survives parsing and encoding", "[json][LC-19]") {
  CHECK(again(R"("\u00e9")") == "\"\xc3\xa9\"");
  CHECK(again(R"("\ud83d\ude00")") == "\"\xf0\x9f\x98\x80\"");
  CHECK(again("\"\xf0\x9f\x98\x80 \xe2\x82\xac\"") == "\"\xf0\x9f\x98\x80 \xe2\x82\xac\"");
  CHECK(again(R"("\"\\\/\b\f\n\r\t\u0000\u001f\u007f")") == "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\"");
  CHECK(again(R"({"\u00e9 \n":"x"})") == "{\"\xc3\xa9 \\n\":\"x\"}");
}

TEST_CASE("duplicates are encoded again as they stood", "[json]") {
  CHECK(again(R"({"a":1,"b":2,"a":3})") == R"({"a":1,"b":2,"a":3})");
}

TEST_CASE("a missing value has no text, and is null inside another", "[json]") {
  CHECK(json::Value().to_text().empty());
  json::Writer out;
  out.begin_array().value(json::Value()).end_array();
  CHECK(out.take() == "[null]");
}

TEST_CASE("a text shares its bytes and compares them", "[json]") {
  const json::Text text(R"({"a":1})");
  const json::Text copy = text;
  CHECK(copy.view().data() == text.view().data());
  CHECK(copy == text);
  CHECK(json::Text(R"({"a":1})") == text);
  CHECK_FALSE(json::Text(R"({"a": 1})") == text);
  CHECK(json::Text().empty());
  CHECK(json::Text("").empty());
  CHECK(json::Text() == json::Text(""));
  CHECK(json::Text().view() == "");
}
