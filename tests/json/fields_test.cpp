// SPDX-License-Identifier: MIT
#include "sluice/json/fields.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sluice/json/document.hpp"
#include "support/catch.hpp"

using namespace sluice;

namespace shop {

// A foreign type that brings its own JSON: a colour as "#rrggbb".
struct Colour {
  std::uint32_t rgb = 0;
  friend bool operator==(const Colour&, const Colour&) = default;
};

void json_write(json::Writer& out, const Colour& colour) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "#";
  for (int shift = 20; shift >= 0; shift -= 4) text += digits[colour.rgb >> shift & 15];
  out.value(text);
}

Result<void> json_read(json::Value in, Colour& colour) {
  const auto text = in.as_string();
  if (!text || text->size() != 7) return Error(ErrorCode::type_mismatch, "not a colour");
  colour.rgb = static_cast<std::uint32_t>(std::stoul(std::string(text->substr(1)), nullptr, 16));
  return {};
}

}  // namespace shop

namespace {

struct Row {
  std::int64_t id = 0;
  std::optional<std::string> name;

  static constexpr auto fields() {
    return sluice::fields(sluice::field("id", &Row::id), sluice::field("name", &Row::name));
  }
  friend bool operator==(const Row&, const Row&) = default;
};

struct RowsCreated {
  static constexpr std::string_view event_type = "rows_created";
  std::int64_t table_id = 0;
  std::vector<Row> rows;

  static constexpr auto fields() {
    return sluice::fields(sluice::field("table_id", &RowsCreated::table_id), sluice::field("rows", &RowsCreated::rows));
  }
  friend bool operator==(const RowsCreated&, const RowsCreated&) = default;
};

struct Ping {
  static constexpr std::string_view event_type = "ping";
};

struct Everything {
  bool yes = false;
  std::int8_t tiny = 0;
  std::uint8_t byte = 0;
  std::int16_t small = 0;
  std::uint16_t port = 0;
  std::int32_t number = 0;
  std::uint32_t count = 0;
  std::int64_t large = 0;
  std::uint64_t largest = 0;
  float ratio = 0;
  double exact = 0;
  std::string text;
  std::optional<int> perhaps;
  std::vector<bool> flags;
  std::map<std::string, std::vector<int>> by_name;
  std::unordered_map<std::string, shop::Colour> colours;
  Row row;
  json::Text raw;

  static constexpr auto fields() {
    using E = Everything;
    return sluice::fields(
        sluice::field("yes", &E::yes), sluice::field("tiny", &E::tiny), sluice::field("byte", &E::byte),
        sluice::field("small", &E::small), sluice::field("port", &E::port), sluice::field("number", &E::number),
        sluice::field("count", &E::count), sluice::field("large", &E::large), sluice::field("largest", &E::largest),
        sluice::field("ratio", &E::ratio), sluice::field("exact", &E::exact), sluice::field("text", &E::text),
        sluice::field("perhaps", &E::perhaps), sluice::field("flags", &E::flags), sluice::field("by_name", &E::by_name),
        sluice::field("colours", &E::colours), sluice::field("row", &E::row), sluice::field("raw", &E::raw));
  }
  friend bool operator==(const Everything&, const Everything&) = default;
};

struct Views {
  std::string_view name;
  json::Value parameters;
  json::Text extra;
  std::optional<int> limit = 10;

  static constexpr auto fields() {
    return sluice::fields(sluice::field("name", &Views::name), sluice::field("parameters", &Views::parameters),
                          sluice::field("extra", &Views::extra), sluice::field("limit", &Views::limit));
  }
};

struct Node {
  int id = 0;
  std::vector<Node> children;

  static constexpr auto fields() {
    return sluice::fields(sluice::field("id", &Node::id), sluice::field("children", &Node::children));
  }
};

struct Named {
  std::string name;
};
struct Player : Named {
  int score = 0;

  static constexpr auto fields() {
    return sluice::fields(sluice::field("name", &Player::name), sluice::field("score", &Player::score));
  }
};

json::Document parsed(std::string_view text) {
  auto document = json::Document::parse(text);
  INFO(text);
  REQUIRE(document);
  return *std::move(document);
}

template <class T>
std::string encoded(const T& value, json::Style style = json::Style::compact) {
  return std::string(json::encode(value, style).view());
}

template <class T>
Result<T> decoded(std::string_view text) {
  return json::decode<T>(parsed(text).root());
}

template <class T>
std::string failure(std::string_view text) {
  const auto value = decoded<T>(text);
  return value ? "" : value.error().message();
}

}  // namespace

TEST_CASE("an event is written with its type in front", "[json]") {
  const RowsCreated event{.table_id = 7, .rows = {{1, "ada"}, {2, std::nullopt}}};
  CHECK(encoded(event) ==
        R"({"type":"rows_created","table_id":7,"rows":[{"id":1,"name":"ada"},{"id":2,"name":null}]})");
  CHECK(encoded(event, json::Style::python) ==
        R"({"type": "rows_created", "table_id": 7, "rows": [{"id": 1, "name": "ada"}, {"id": 2, "name": null}]})");
  CHECK(encoded(Ping{}) == R"({"type":"ping"})");
  CHECK(encoded(Row{1, "x"}) == R"({"id":1,"name":"x"})");

  STATIC_REQUIRE(json::EventType<RowsCreated>);
  STATIC_REQUIRE(json::EventType<Ping>);
  STATIC_REQUIRE_FALSE(json::EventType<Row>);
  STATIC_REQUIRE(json::Described<Row>);
  STATIC_REQUIRE_FALSE(json::Described<Ping>);
  STATIC_REQUIRE_FALSE(json::Described<int>);
}

TEST_CASE("an event is read back as it was", "[json]") {
  const RowsCreated event{.table_id = 7, .rows = {{1, "ada"}, {2, std::nullopt}}};
  const auto document = parsed(encoded(event));
  const auto back = json::decode<RowsCreated>(document.root());
  REQUIRE(back);
  CHECK(*back == event);
  CHECK(json::decode<Ping>(parsed(R"({"type":"ping"})").root()));
}

TEST_CASE("every kind of member goes out and comes back", "[json]") {
  Everything all;
  all.yes = true;
  all.tiny = -128;
  all.byte = 255;
  all.small = -32768;
  all.port = 65535;
  all.number = -2147483648;
  all.count = 4294967295u;
  all.large = std::numeric_limits<std::int64_t>::min();
  all.largest = std::numeric_limits<std::uint64_t>::max();
  all.ratio = 0.1f;
  all.exact = 1.0;
  all.text = "caf\xc3\xa9 \"\n";
  all.perhaps = 3;
  all.flags = {true, false, true};
  all.by_name = {{"a", {1, 2}}, {"b", {}}};
  all.colours = {{"sky", {0x00aaff}}};
  all.row = {9, "nine"};
  all.raw = json::Text(R"({"x":[1.0]})");

  const std::string text = encoded(all);
  CHECK(text ==
        "{\"yes\":true,\"tiny\":-128,\"byte\":255,\"small\":-32768,\"port\":65535,\"number\":-2147483648,"
        "\"count\":4294967295,\"large\":-9223372036854775808,\"largest\":18446744073709551615,\"ratio\":0.1,"
        "\"exact\":1.0,\"text\":\"caf\xc3\xa9 \\\"\\n\",\"perhaps\":3,\"flags\":[true,false,true],"
        "\"by_name\":{\"a\":[1,2],\"b\":[]},\"colours\":{\"sky\":\"#00aaff\"},\"row\":{\"id\":9,\"name\":\"nine\"},"
        "\"raw\":{\"x\":[1.0]}}");
  const auto back = decoded<Everything>(text);
  REQUIRE(back);
  CHECK(*back == all);
}

TEST_CASE("plain values are encoded without a struct", "[json]") {
  CHECK(encoded(7) == "7");
  CHECK(encoded(true) == "true");
  CHECK(encoded(1.0) == "1.0");
  CHECK(encoded("literal") == R"("literal")");
  CHECK(encoded(std::string("text")) == R"("text")");
  CHECK(encoded(std::string_view("view")) == R"("view")");
  CHECK(encoded(std::vector<std::string>{"a", "b"}) == R"(["a","b"])");
  CHECK(encoded(std::map<std::string, int>{{"b", 2}, {"a", 1}}) == R"({"a":1,"b":2})");
  CHECK(encoded(std::optional<int>()) == "null");
  CHECK(encoded(json::Text()) == "null");
  CHECK(encoded(json::Value()) == "null");
  CHECK(encoded(shop::Colour{0xff0000}) == R"("#ff0000")");

  CHECK(decoded<int>("7").value_or(0) == 7);
  CHECK(*decoded<std::vector<std::string>>(R"(["a","b"])") == std::vector<std::string>{"a", "b"});
  CHECK(*decoded<std::map<std::string, double>>(R"({"a":1,"b":2.5})") ==
        std::map<std::string, double>{{"a", 1}, {"b", 2.5}});
}

TEST_CASE("views are read without a copy", "[json]") {
  const auto document = parsed(R"({"name":"ada","parameters":{"table_id":1.0},"extra":[1,"x"]})");
  const auto views = json::decode<Views>(document.root());
  REQUIRE(views);
  CHECK(views->name.data() == document.root()["name"].as_string()->data());
  CHECK(views->parameters["table_id"].as_double() == 1.0);
  CHECK(views->extra == json::Text(R"([1,"x"])"));
  CHECK(encoded(*views) == R"({"name":"ada","parameters":{"table_id":1.0},"extra":[1,"x"],"limit":10})");
}

TEST_CASE("a key that may be missing leaves its member alone, and null empties it", "[json]") {
  const auto absent = decoded<Views>(R"({"name":"ada"})");
  REQUIRE(absent);
  CHECK(absent->parameters.is_missing());
  CHECK(absent->extra.empty());
  CHECK(absent->limit == 10);

  const auto document = parsed(R"({"name":"ada","parameters":null,"extra":null,"limit":null})");
  const auto nulls = json::decode<Views>(document.root());
  REQUIRE(nulls);
  CHECK(nulls->parameters.is_null());
  CHECK(nulls->extra.view() == "null");
  CHECK(nulls->limit == std::nullopt);
}

TEST_CASE("unknown keys are ignored, and the last of duplicates wins", "[json][LC-19]") {
  const auto row = decoded<Row>(R"({"type":"row","id":1,"x":{"id":3},"id":2,"name":"a","name":"b"})");
  REQUIRE(row);
  CHECK(*row == Row{2, "b"});
  CHECK(*decoded<std::map<std::string, int>>(R"({"a":1,"a":2})") == std::map<std::string, int>{{"a", 2}});
}

TEST_CASE("members of a base class are fields like others", "[json]") {
  Player player;
  player.name = "ada";
  player.score = 3;
  CHECK(encoded(player) == R"({"name":"ada","score":3})");
  CHECK(decoded<Player>(R"({"name":"bob","score":4})")->name == "bob");
}

TEST_CASE("a struct may contain itself", "[json]") {
  const auto tree = decoded<Node>(R"({"id":1,"children":[{"id":2,"children":[]},{"id":3,"children":[]}]})");
  REQUIRE(tree);
  CHECK(encoded(*tree) == R"({"id":1,"children":[{"id":2,"children":[]},{"id":3,"children":[]}]})");
  CHECK(failure<Node>(R"({"id":1,"children":[{"id":2,"children":[{"id":"x"}]}]})") ==
        "type_mismatch: children[0].children[0].id: expected an integer, found a string");
}

TEST_CASE("a missing key is named with its path", "[json]") {
  CHECK(failure<Row>("{}") == "missing_field: id: missing");
  CHECK(failure<RowsCreated>(R"({"table_id":1})") == "missing_field: rows: missing");
  CHECK(failure<RowsCreated>(R"({"table_id":1,"rows":[{"id":1},{"name":"x"}]})") ==
        "missing_field: rows[1].id: missing");
  CHECK(failure<std::map<std::string, Row>>(R"({"a b\n":{}})") == R"(missing_field: ["a b\n"].id: missing)");
  CHECK(failure<std::map<std::string, std::map<std::string, Row>>>(R"({"x":{"":{}}})") ==
        R"(missing_field: x[""].id: missing)");
}

TEST_CASE("a long key of the peer does not make a long message", "[json]") {
  const auto message = failure<std::map<std::string, int>>("{\"" + std::string(100'000, 'k') + "\":true}");
  CHECK(message.size() < 200);
}

TEST_CASE("a value of the wrong kind is named with its path", "[json]") {
  CHECK(failure<Row>("[]") == "type_mismatch: expected an object, found an array");
  CHECK(failure<bool>("1") == "type_mismatch: expected true or false, found an integer");
  CHECK(failure<std::string>("null") == "type_mismatch: expected a string, found null");
  CHECK(failure<double>(R"("1")") == "type_mismatch: expected a number, found a string");
  CHECK(failure<std::vector<int>>("{}") == "type_mismatch: expected an array, found an object");
  CHECK(failure<std::map<std::string, int>>("[]") == "type_mismatch: expected an object, found an array");
  CHECK(failure<RowsCreated>(R"({"table_id":1,"rows":[{"id":1},{"id":2},{"id":3},{"id":"4"}]})") ==
        "type_mismatch: rows[3].id: expected an integer, found a string");
  CHECK(failure<RowsCreated>(R"({"table_id":1,"rows":[{"id":1,"name":2}]})") ==
        "type_mismatch: rows[0].name: expected a string, found an integer");
  CHECK(failure<Ping>("7") == "type_mismatch: expected an object, found an integer");
  CHECK(json::decode<int>(json::Value()).error().message() == "type_mismatch: expected an integer, found nothing");
}

TEST_CASE("numbers that do not fit their member are refused", "[json][CC-13]") {
  CHECK(failure<std::uint8_t>("256") == "type_mismatch: expected an integer from 0 to 255, found 256");
  CHECK(failure<std::uint8_t>("-1") == "type_mismatch: expected an integer from 0 to 255, found -1");
  CHECK(failure<std::int8_t>("-129") == "type_mismatch: expected an integer from -128 to 127, found -129");
  CHECK(
      failure<std::int64_t>("9223372036854775808") ==
      "type_mismatch: expected an integer from -9223372036854775808 to 9223372036854775807, found 9223372036854775808");
  CHECK(failure<std::uint64_t>("-1") == "type_mismatch: expected an integer from 0 to 18446744073709551615, found -1");
  CHECK(failure<int>("1.0") == "type_mismatch: expected an integer, found a number with a fraction or exponent");
  CHECK(failure<int>("true") == "type_mismatch: expected an integer, found a boolean");
  CHECK(failure<float>("1e39") ==
        "type_mismatch: expected a number within the range of a float, found a number with a fraction or exponent");
  CHECK(decoded<float>("3").value_or(0) == 3.0f);
}

TEST_CASE("the error of a type that reads itself comes with the path", "[json]") {
  CHECK(failure<std::map<std::string, shop::Colour>>(R"({"sky":"#00aaff","sea":"blue"})") ==
        "type_mismatch: sea: not a colour");
  CHECK(failure<shop::Colour>("1") == "type_mismatch: not a colour");
}
