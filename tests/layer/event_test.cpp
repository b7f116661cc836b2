// SPDX-License-Identifier: MIT
#include "sluice/layer/event.hpp"

#include <thread>
#include <vector>

#include "support/broadcast_lines.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

json::Text text(std::string encoded) { return json::Text(std::move(encoded)); }

}  // namespace

TEST_CASE("an event's type is the name of its handler", "[layer][DI-1][DI-2][SC-12]") {
  const auto type = [](const char* json_map) {
    const auto event = Event::parse(json_map);
    return event ? std::string(event->type()) : std::string(to_string(event.error().code()));
  };
  CHECK(type(R"({"type":"chat.message.new"})") == "chat_message_new");
  CHECK(type(R"({"type":"chat_message"})") == "chat_message");
  CHECK(type(R"({"type":"_private"})") == "invalid_name");
  CHECK(type(R"({"type":".hidden"})") == "invalid_name");
  CHECK(type(R"({"type":"__init__"})") == "invalid_name");
  CHECK(type(R"({"type":""})") == "missing_field");
  CHECK(type(R"({"type":7})") == "missing_field");
  CHECK(type(R"({"kind":"x"})") == "missing_field");
  CHECK(type(R"([])") == "missing_field");
  CHECK(type(R"("type")") == "missing_field");
  CHECK(type(R"({"type")") == "parse_failed");
}

TEST_CASE("an event keeps its map and parses it when asked", "[layer]") {
  const Event event = Event::parse(R"({ "type": "a.b", "n": [1, 2] })").value();
  CHECK(event.text().view() == R"({ "type": "a.b", "n": [1, 2] })");
  CHECK(event.value()["n"].at(1).as_int() == 2);
  CHECK(event.broadcast_kind() == BroadcastKind::none);
  CHECK(event.broadcasts().empty());
  const Event copy = event;
  CHECK(copy.text().view().data() == event.text().view().data());
}

namespace {
struct Moved {
  static constexpr std::string_view event_type = "row.moved";
  std::int64_t row = 0;
  static constexpr auto fields() { return sluice::fields(sluice::field("row", &Moved::row)); }
};
}  // namespace

TEST_CASE("events are made from structs and from bare types", "[layer][DI-1]") {
  CHECK(Event::of(Moved{7}).type() == "row_moved");
  CHECK(Event::of(Moved{7}).text().view() == R"({"type":"row.moved","row":7})");
  CHECK(Event::named("stop.now").type() == "stop_now");
  CHECK(Event::named("stop").text().view() == R"({"type":"stop"})");
}

TEST_CASE("a group broadcast for some users only becomes one for users", "[layer]") {
  const Event event =
      Event::broadcast_to_group(text("1"), {.except_socket = "s", .except_users = {1}, .only_users = {{1, 2}}});
  CHECK(event.type() == "broadcast_to_users");
  CHECK(lines(event) == "not s[] only [2] 1");
  CHECK(lines(Event::broadcast_to_group(text("1"), {.only_users = {{2, 1, 2, UserId()}}})) == "not [] only [2,1] 1");
}

TEST_CASE("an anonymous user in a list of users matches no one", "[layer][CC-25]") {
  CHECK(lines(Event::broadcast_to_users(text("1"), {UserId(), 1})) == "not [] only [1] 1");
  CHECK(lines(Event::broadcast_to_users_individual_payloads({{UserId(), text("1")}})) == "");
}

TEST_CASE("an event is parsed once, whichever threads ask", "[layer]") {
  for (int round = 0; round < 200; ++round) {
    const Event event = Event::broadcast_to_group(text("{\"a\":1}"), {.except_users = {1}});
    const Event parsed = Event::parse(event.text().view()).value();
    std::vector<std::thread> threads;
    std::array<std::string, 4> seen;
    for (std::string& mine : seen) {
      threads.emplace_back([&mine, event, parsed] {
        mine = std::string(event.text().view()) + std::string(event.value().to_text().view()) + lines(parsed);
      });
    }
    for (std::thread& thread : threads) thread.join();
    REQUIRE(std::ranges::all_of(seen, [&](const std::string& one) { return one == seen.front(); }));
  }
}
