// SPDX-License-Identifier: MIT
#include "sluice/page/wire_description.hpp"

#include <stdexcept>

#include "page/house.hpp"
#include "sluice/json/document.hpp"
#include "support/catch.hpp"

using namespace page_test;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Moved {
  static constexpr std::string_view event_type = "moved";
  std::int64_t to = 0;
  static constexpr auto fields() { return sluice::fields(sluice::field("to", &Moved::to)); }
};
struct OtherMoved {
  static constexpr std::string_view event_type = "moved";
  std::string to;
  static constexpr auto fields() { return sluice::fields(sluice::field("to", &OtherMoved::to)); }
};
struct Gone {
  static constexpr std::string_view event_type = "all_gone";
};

WireDescription described() {
  WireDescription wire("tables", "1.0");
  wire.page<TableParams, Moved>("table");
  wire.page<RowParams, Moved, Gone>("row");
  wire.page<ViewParams>("view");
  return wire;
}

}  // namespace

TEST_CASE("a description is TypeScript: events by type, pages by name", "[page]") {
  const std::string text = described().typescript("TableWire");
  CHECK_THAT(text, ContainsSubstring("export type Moved = {type: \"moved\"; to: number};\n"));
  CHECK_THAT(text, ContainsSubstring("  all_gone: AllGone;\n"));
  CHECK_THAT(text, ContainsSubstring("  table: {table_id: number | `${bigint}`};\n"));
  CHECK_THAT(text, ContainsSubstring("  view: {slug: string; token?: string | null};\n"));
  CHECK_THAT(text, ContainsSubstring("export interface TableWire {\n  events: Events;\n  pages: Pages;\n}\n"));
}

TEST_CASE("a description is an AsyncAPI document, the same each time, and another one for another wire", "[page]") {
  const std::string text = described().asyncapi();
  const auto document = json::Document::parse(text);
  REQUIRE(document);
  const json::Value root = document->root();
  CHECK(root["asyncapi"].as_string() == "3.0.0");
  CHECK(root["x-sluice-pages"]["row"].size() == 2);
  CHECK(root["components"]["messages"]["moved"]["payload"]["properties"]["to"]["format"].as_string() == "int64");
  CHECK(described().asyncapi() == text);
  WireDescription more = described();
  more.users_hear<Gone>();
  CHECK(more.asyncapi() == text);
  more.page<TableParams>("another");
  const std::string other = more.asyncapi();
  const auto changed = json::Document::parse(other);
  REQUIRE(changed);
  CHECK(changed->root()["x-sluice-schema"].as_string() != root["x-sluice-schema"].as_string());
}

TEST_CASE("an event type with two shapes is refused, and named", "[page]") {
  WireDescription wire = described();
  CHECK_THROWS_WITH((wire.page<ViewParams, OtherMoved>("other")), ContainsSubstring("describing moved"));
}

TEST_CASE("a description is compared with the registry", "[page]") {
  House house;
  CHECK(described().differences(*house.registry).empty());
  WireDescription wire("tables", "1.0");
  wire.page<RowParams>("table");
  wire.page<TableParams>("nowhere");
  CHECK(wire.differences(*house.registry) ==
        std::vector<std::string>{
            "table: described with the parameters {table_id: number | `${bigint}`; row_id: number | `${bigint}`}, "
            "registered with {table_id: number | `${bigint}`}",
            "nowhere: described, and not in the registry", "row: in the registry, and not described",
            "view: in the registry, and not described"});
}
