// SPDX-License-Identifier: MIT
#include "sluice/page/page.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "page/house.hpp"
#include "support/catch.hpp"

using namespace page_test;

namespace {

struct Everything {
  std::int64_t wide = 0;
  std::uint8_t narrow = 0;
  std::uint64_t natural = 0;
  std::string text;
  std::optional<std::int32_t> maybe_number;
  std::optional<std::string> maybe_text;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("wide", &Everything::wide), sluice::field("narrow", &Everything::narrow),
                          sluice::field("natural", &Everything::natural), sluice::field("text", &Everything::text),
                          sluice::field("maybe_number", &Everything::maybe_number),
                          sluice::field("maybe_text", &Everything::maybe_text));
  }
};

class EverythingPage final : public Page<Everything> {
 public:
  EverythingPage() : Page("everything") {}

  Completion<bool> answer;

  Task<bool> can_add(const Scope&, const Everything& page) override {
    const bool yes = co_await answer;
    co_return yes&& page.text == "a text that is longer than a string keeps inside";
  }
  std::string group_name(const Everything& page) const override {
    return std::to_string(page.wide) + "." + std::to_string(page.narrow) + "." + std::to_string(page.natural) + "." +
           page.text + "." + (page.maybe_number ? std::to_string(*page.maybe_number) : "none") + "." +
           page.maybe_text.value_or("none");
  }
};

struct NoParameters {
  static constexpr auto fields() { return sluice::fields(); }
};

class Lobby final : public Page<NoParameters> {
 public:
  Lobby() : Page("lobby") {}
  Task<bool> can_add(const Scope&, const NoParameters&) override { return true; }
  std::string group_name(const NoParameters&) const override { return "lobby"; }
};

PageParameters parameters_of(const PageType& type, std::string_view message) {
  const auto document = json::Document::parse(message).value();
  return PageParameters::read(type.parameters(), document.root());
}

}  // namespace

TEST_CASE("a page type declares what its struct is made of", "[page][PT-1]") {
  const EverythingPage page;
  CHECK(page.type() == "everything");
  std::string declared;
  for (const PageParameter& parameter : page.parameters()) {
    declared += parameter.name + (parameter.kind == ParameterKind::text ? " text" : " integer") +
                (parameter.optional ? " or null" : "");
    if (parameter.name == "narrow") declared += " 0 to " + std::to_string(parameter.highest);
    declared += '\n';
  }
  CHECK(declared ==
        "wide integer\nnarrow integer 0 to 255\nnatural integer\ntext text\nmaybe_number integer or null\n"
        "maybe_text text or null\n");
}

TEST_CASE("the struct is filled from the parameters, optionals only when they are there", "[page][PT-1]") {
  const EverythingPage typed;
  const PageType& page = typed;
  const auto name = [&](std::string_view message) { return page.group_name(parameters_of(page, message)); };
  CHECK(name(R"({"wide":-1,"narrow":"255","natural":2.0,"text":"t","maybe_number":3,"maybe_text":"u"})") ==
        "-1.255.2.t.3.u");
  CHECK(name(R"({"wide":-1,"narrow":0,"natural":9223372036854775807,"text":"","maybe_number":null})") ==
        "-1.0.9223372036854775807..none.none");
  CHECK(!parameters_of(page, R"({"wide":1,"narrow":256,"natural":1,"text":""})").fit());
  CHECK(!parameters_of(page, R"({"wide":1,"narrow":0,"natural":-1,"text":""})").fit());
  CHECK(!parameters_of(page, R"({"wide":1,"narrow":0,"natural":1,"text":"","maybe_number":2147483648})").fit());
}

TEST_CASE("the struct lives as long as can_add waits", "[page][PT-1]") {
  testing::ManualExecutor executor;
  EverythingPage typed;
  PageType& page = typed;
  const Scope scope;
  const auto parameters = parameters_of(
      page, R"({"wide":1,"narrow":1,"natural":1,"text":"a text that is longer than a string keeps inside"})");
  auto asked = page.can_add(scope, parameters);
  bool finished = false;
  executor.run([&] {
    CHECK(!asked.start({[](void* flag) noexcept { *static_cast<bool*>(flag) = true; }, &finished}));
  });
  typed.answer.resolve(true);
  executor.run_all();
  REQUIRE(finished);
  CHECK(asked.take());
}

TEST_CASE("a page needs no parameters and no permission group", "[page][PT-1]") {
  const Lobby lobby;
  const PageType& page = lobby;
  const auto parameters = parameters_of(page, "{}");
  CHECK(parameters.fit());
  CHECK(page.group_name(parameters) == "lobby");
  CHECK(page.permission_group_name(parameters).empty());
}

TEST_CASE("a page type broadcasts to the group that it names", "[page][PT-3][PT-4]") {
  testing::ManualExecutor executor;
  InMemoryChannelLayer memory(executor);
  testing::ScriptedChannelLayer layer(memory);
  const TablePage table;
  REQUIRE(table.broadcast(layer, TableParams{7}, json::Text("1"), {.except_socket = "s", .except_users = {5}}));
  REQUIRE(table.broadcast(layer, parameters_of(table, R"({"table_id":"8"})"), json::Text("2")));
  REQUIRE(table.broadcast_many(layer, {{TableParams{7}, 3}, {TableParams{9}, 4}}, {.except_socket = "s"}));
  REQUIRE(table.broadcast_many(layer, {{parameters_of(table, R"({"table_id":7.0})"), Payload(5)}}));
  CHECK(
      layer.take_transcript() ==
      R"(group_send table-7 {"type":"broadcast_to_group","payload":1,"ignore_web_socket_id":"s","exclude_user_ids":[5]}
group_send table-8 {"type":"broadcast_to_group","payload":2,"ignore_web_socket_id":null,"exclude_user_ids":null}
group_send table-7 {"type":"broadcast_to_group","payload":3,"ignore_web_socket_id":"s","exclude_user_ids":null}
group_send table-9 {"type":"broadcast_to_group","payload":4,"ignore_web_socket_id":"s","exclude_user_ids":null}
group_send table-7 {"type":"broadcast_to_group","payload":5,"ignore_web_socket_id":null,"exclude_user_ids":null})");
  CHECK(table.broadcast(layer, TableParams{15}, json::Text("1")).error().code() == ErrorCode::invalid_name);
  CHECK_THROWS_AS(table.broadcast(layer, TableParams{14}, json::Text("1")), std::out_of_range);
}
