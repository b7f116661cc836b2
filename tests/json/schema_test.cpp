// SPDX-License-Identifier: MIT
#include "sluice/json/schema.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "sluice/json/document.hpp"
#include "support/catch.hpp"

using namespace sluice;
using json::Schema;

namespace {

struct Inner {
  std::uint8_t small = 0;
  bool open = false;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("small", &Inner::small), sluice::field("open", &Inner::open));
  }
};

/// A type that writes itself, and says what.
struct Colour {
  int red = 0;
};
void json_write(json::Writer& out, const Colour& colour) { out.value(std::to_string(colour.red)); }
Schema json_schema(const Colour*) { return Schema::of(Schema::Kind::text); }

struct Everything {
  static constexpr std::string_view event_type = "everything";
  std::int64_t id = 0;
  std::optional<std::string> before;
  std::vector<Inner> inner;
  std::vector<std::optional<int>> maybe;
  std::map<std::string, double> weights;
  Colour colour;
  json::Text any;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("id", &Everything::id), sluice::field("before", &Everything::before),
                          sluice::field("inner", &Everything::inner), sluice::field("maybe", &Everything::maybe),
                          sluice::field("the weights", &Everything::weights),
                          sluice::field("colour", &Everything::colour), sluice::field("any", &Everything::any));
  }
};

std::string json_schema_of(const Schema& schema) {
  json::Writer out;
  json::write_json_schema(out, schema);
  return std::string(out.take_text().view());
}

/// Is the value one that the schema allows? Written against the meaning of Schema, not against its JSON.
bool allows(const Schema& schema, json::Value value) {
  if (value.is_null() && (schema.nullable || schema.kind == Schema::Kind::any)) return true;
  switch (schema.kind) {
    case Schema::Kind::any: return static_cast<bool>(value);
    case Schema::Kind::boolean: return value.is_bool();
    case Schema::Kind::integer:
      return value.is_integer() && (schema.bits >= 64 || !value.as_int() || (schema.is_signed || *value.as_int() >= 0));
    case Schema::Kind::number: return value.is_number();
    case Schema::Kind::text: return value.is_string();
    case Schema::Kind::constant: return value.as_string() == schema.constant;
    case Schema::Kind::any_of:
      for (const auto& part : schema.parts) {
        if (allows(part, value)) return true;
      }
      return false;
    case Schema::Kind::array:
      if (!value.is_array()) return false;
      for (const json::Value element : value.elements()) {
        if (!allows(schema.parts.at(0), element)) return false;
      }
      return true;
    case Schema::Kind::map:
      if (!value.is_object()) return false;
      for (const auto& member : value.members()) {
        if (!allows(schema.parts.at(0), member.value)) return false;
      }
      return true;
    case Schema::Kind::object: {
      if (!value.is_object()) return false;
      std::size_t there = 0;
      for (const auto& property : schema.properties) {
        const json::Value member = value[property.key];
        if (!member && property.required) return false;
        if (member && !allows(property.schema, member)) return false;
        if (member) ++there;
      }
      return there == value.size();
    }
  }
  return false;
}

Everything some(std::mt19937& random) {
  const auto below = [&](unsigned most) { return static_cast<int>(random() % most); };
  Everything made;
  made.id = static_cast<std::int64_t>(random()) - (std::int64_t{1} << 31);
  if (below(2)) made.before = std::string(static_cast<std::size_t>(below(5)), 'x');
  made.inner.resize(static_cast<std::size_t>(below(3)));
  for (auto& one : made.inner) one = {static_cast<std::uint8_t>(below(256)), below(2) == 0};
  for (int n = below(3); n > 0; --n) made.maybe.push_back(below(2) ? std::optional<int>(below(9)) : std::nullopt);
  for (int n = below(3); n > 0; --n) made.weights["w" + std::to_string(n)] = below(100) / 8.0;
  made.colour.red = below(256);
  if (below(2)) made.any = json::Text("[1,null]");
  return made;
}

}  // namespace

TEST_CASE("a schema describes what is written, as JSON Schema and as TypeScript", "[json]") {
  CHECK(json::typescript(json::schema_of<Everything>()) ==
        "{type: \"everything\"; id: number; before: string | null; inner: {small: number; open: boolean}[]; "
        "maybe: (number | null)[]; \"the weights\": {[key: string]: number}; colour: string; any: unknown}");
  CHECK(json_schema_of(json::schema_of<Inner>()) ==
        R"({"type":"object","properties":{"small":{"type":"integer","minimum":0,"maximum":255},)"
        R"("open":{"type":"boolean"}},"required":["small","open"],"additionalProperties":false})");
  CHECK(json_schema_of(json::schema_of<std::int64_t>()) == R"({"type":"integer","format":"int64"})");
  CHECK(json_schema_of(json::schema_of<std::uint64_t>()) == R"({"type":"integer","format":"uint64","minimum":0})");
  CHECK(json_schema_of(json::schema_of<std::int16_t>()) == R"({"type":"integer","minimum":-32768,"maximum":32767})");
  CHECK(json_schema_of(json::schema_of<std::optional<std::string>>()) == R"({"type":["string","null"]})");
  CHECK(json_schema_of(json::schema_of<json::Text>()) == "{}");
}

TEST_CASE("written JSON fits its schema, and does not with a key more or less", "[json]") {
  const Schema schema = json::schema_of<Everything>();
  std::mt19937 random(7);
  for (int round = 0; round < 1000; ++round) {
    const json::Text text = json::encode(some(random));
    INFO(text.view());
    const auto document = json::Document::parse(text.view());
    REQUIRE(document);
    REQUIRE(allows(schema, document->root()));
    const std::string whole(text.view());
    const auto more = json::Document::parse("{\"more\":1," + whole.substr(1));
    REQUIRE(more);
    REQUIRE(!allows(schema, more->root()));
    for (const auto& property : schema.properties) {
      json::Writer out;
      out.begin_object();
      for (const auto& [key, value] : document->root().members()) {
        if (key != property.key) out.key(key).value(value);
      }
      out.end_object();
      const json::Text less = out.take_text();
      const auto without = json::Document::parse(less.view());
      REQUIRE(without);
      REQUIRE(!allows(schema, without->root()));
    }
  }
}
