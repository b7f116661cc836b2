// SPDX-License-Identifier: MIT
#include "sluice/page/page_parameters.hpp"

#include <string>

#include "sluice/json/document.hpp"
#include "support/catch.hpp"

using namespace sluice;

namespace {

const std::vector<PageParameter> table = {{.name = "table_id"}};
const std::vector<PageParameter> view = {{.name = "slug", .kind = ParameterKind::text},
                                         {.name = "token", .kind = ParameterKind::text, .optional = true}};

// `[7] from {"table_id":"7"}`, or `refused from ...`.
std::string reading(const std::vector<PageParameter>& declared, std::string_view message) {
  const auto document = json::Document::parse(message).value();
  const auto parameters = PageParameters::read(declared, document.root());
  const std::string outcome = parameters.fit() ? parameters.canonical() : "refused";
  return outcome + " from " + std::string(parameters.received().view());
}

std::string table_id(std::string_view value) {
  const auto message = R"({"table_id":)" + std::string(value) + "}";
  return reading(table, message);
}

}  // namespace

TEST_CASE("spellings of the same integer are the same page, and are echoed as received", "[page][CC-12][CC-13]") {
  CHECK(table_id("7") == R"([7] from {"table_id":7})");
  CHECK(table_id("\"7\"") == R"([7] from {"table_id":"7"})");
  CHECK(table_id("7.0") == R"([7] from {"table_id":7.0})");
  CHECK(table_id("7e0") == R"([7] from {"table_id":7.0})");
  CHECK(table_id("\"-7\"") == R"([-7] from {"table_id":"-7"})");
  CHECK(table_id("0") == R"([0] from {"table_id":0})");
  CHECK(table_id("-0.0") == R"([0] from {"table_id":-0.0})");
  CHECK(table_id("9007199254740992.0") == R"([9007199254740992] from {"table_id":9007199254740992.0})");
  CHECK(table_id("9223372036854775807") == R"([9223372036854775807] from {"table_id":9223372036854775807})");
  CHECK(table_id("\"-9223372036854775808\"") == R"([-9223372036854775808] from {"table_id":"-9223372036854775808"})");
}

TEST_CASE("a value that is no integer is refused, and echoed as received", "[page][CC-13][CC-14]") {
  for (const auto* value : {"true", "false", "\"01\"", "\"+1\"", "\"-0\"", "\" 1\"", "\"1 \"", "\"1.0\"", "\"\"",
                            "\"a b\"", "1.5", "[]", "[1]", "{}", R"({"a":1})", "\"9223372036854775808\""}) {
    CHECK(table_id(value) == "refused from {\"table_id\":" + std::string(value) + "}");
  }
  CHECK(table_id("18446744073709551615") == R"(refused from {"table_id":18446744073709551615})");
  CHECK(table_id("1e300") == R"(refused from {"table_id":1e+300})");
  CHECK(table_id("18014398509481985.0").starts_with("refused"));
  CHECK(table_id('"' + std::string(120, '9') + '"').starts_with("refused"));
}

TEST_CASE("parameters are the declared names in order; missing ones are null, others are dropped", "[page][CC-9]") {
  CHECK(reading(table, R"({"page":"table"})") == R"(refused from {"table_id":null})");
  CHECK(reading(table, R"({"extra":1,"page":"table","table_id":7})") == R"([7] from {"table_id":7})");
  CHECK(reading(view, R"({"token":"t","slug":"s"})") == R"(["s","t"] from {"slug":"s","token":"t"})");
  CHECK(reading({}, R"({"page":"lobby"})") == R"([] from {})");
}

TEST_CASE("an optional parameter may be null or left out, and that is the same page", "[page][CC-9]") {
  CHECK(reading(view, R"({"slug":"s"})") == R"(["s",null] from {"slug":"s","token":null})");
  CHECK(reading(view, R"({"slug":"s","token":null})") == R"(["s",null] from {"slug":"s","token":null})");
  CHECK(reading(view, R"({"slug":"s","token":""})") == R"(["s",""] from {"slug":"s","token":""})");
  CHECK(reading(view, R"({"slug":null,"token":"t"})") == R"(refused from {"slug":null,"token":"t"})");
  CHECK(reading(view, R"({"slug":"s","token":1})") == R"(refused from {"slug":"s","token":1})");
}

TEST_CASE("a text parameter is a string of bounded length", "[page][CC-13]") {
  CHECK(reading(view, R"({"slug":1})") == R"(refused from {"slug":1,"token":null})");
  CHECK(reading(view, R"({"slug":true})") == R"(refused from {"slug":true,"token":null})");
  const auto slug = [](std::size_t bytes) { return R"({"slug":")" + std::string(bytes, 'x') + R"("})"; };
  CHECK(reading(view, slug(max_text_parameter_bytes)).starts_with("[\"xxx"));
  CHECK(reading(view, slug(max_text_parameter_bytes + 1)).starts_with("refused"));
}

TEST_CASE("values are read by name and kind", "[page]") {
  const std::vector<PageParameter> declared = {{.name = "id"}, {.name = "name", .kind = ParameterKind::text}};
  const auto document = json::Document::parse(R"({"id":"7","name":"grid"})").value();
  const auto parameters = PageParameters::read(declared, document.root());
  CHECK(parameters.integer("id") == 7);
  CHECK(parameters.text("name") == "grid");
  CHECK(parameters.text("id") == std::nullopt);
  CHECK(parameters.integer("name") == std::nullopt);
  CHECK(parameters.integer("other") == std::nullopt);
}

TEST_CASE("an integer stays within what its page type declares", "[page][CC-13]") {
  const std::vector<PageParameter> declared = {{.name = "id", .lowest = 1, .highest = 9}};
  CHECK(reading(declared, R"({"id":1})") == R"([1] from {"id":1})");
  CHECK(reading(declared, R"({"id":"9"})") == R"([9] from {"id":"9"})");
  CHECK(reading(declared, R"({"id":0})") == R"(refused from {"id":0})");
  CHECK(reading(declared, R"({"id":10})") == R"(refused from {"id":10})");
}

TEST_CASE("parameters that do not fit hold no values, and name the one that did not", "[page]") {
  const auto document = json::Document::parse(R"({"slug":"s","token":[1]})").value();
  const auto parameters = PageParameters::read(view, document.root());
  REQUIRE(!parameters.fit());
  CHECK(parameters.fit().error().message() ==
        "invalid_argument: page parameter \"token\": expected a string, found an array");
  CHECK(parameters.text("slug") == std::nullopt);
  CHECK(parameters.canonical().empty());
}

TEST_CASE("the echo is written in the chosen JSON style", "[page][LC-19]") {
  const auto document = json::Document::parse(R"({"slug":"é","token":null})").value();
  const auto parameters = PageParameters::read(view, document.root(), json::Style::python);
  CHECK(parameters.received().view() == R"({"slug": "\u00e9", "token": null})");
  CHECK(parameters.canonical() == R"(["é",null])");
}
