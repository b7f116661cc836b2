// SPDX-License-Identifier: MIT
#include <memory>
#include <string>
#include <vector>

#include "page/house.hpp"
#include "support/catch.hpp"

using namespace page_test;

namespace {

// One row of a truth table: what an event means for the socket `me` of user 7.
struct Row {
  std::string event;
  std::string heard;
};

void check(const std::vector<Row>& rows, std::string_view who = "user=7&socket=me") {
  House house;
  auto socket = Browser::in(house, who);
  for (const Row& row : rows) {
    INFO(row.event);
    house.tell("users", row.event);
    CHECK(socket->heard() == row.heard);
  }
  CHECK(house.host.stats().undecodable_events == 0);
}

std::string to_users(std::string_view ids, std::string_view ignored, std::string_view all) {
  return R"({"type":"broadcast_to_users","payload":"hi","user_ids":)" + std::string(ids) +
         R"(,"ignore_web_socket_id":)" + std::string(ignored) + R"(,"send_to_all_users":)" + std::string(all) + "}";
}

std::string to_group(std::string_view more) {
  return R"({"type":"broadcast_to_group","payload":"hi")" + std::string(more) + "}";
}

std::string individual(std::string_view map, std::string_view ignored) {
  return R"({"type":"broadcast_to_users_individual_payloads","payload_map":)" + std::string(map) +
         R"(,"ignore_web_socket_id":)" + std::string(ignored) + "}";
}

const std::string hi = "\"hi\"";

}  // namespace

TEST_CASE("broadcast_to_users reaches the listed users, without the ignored socket", "[page][CC-22][CC-23][CC-24]") {
  check({
      {to_users("[7]", "null", "false"), hi},
      {to_users("[7]", "\"\"", "false"), hi},
      {to_users("[7]", "\"other\"", "false"), hi},
      {to_users("[7]", "\"me\"", "false"), ""},
      {to_users("[8]", "null", "false"), ""},
      {to_users("[8,7]", "null", "false"), hi},
      {to_users("[]", "null", "false"), ""},
      {to_users("[\"7\"]", "null", "false"), ""},
      {to_users("[7,7]", "null", "false"), hi},
      {to_users("[]", "null", "true"), hi},
      {to_users("[8]", "\"other\"", "true"), hi},
      {to_users("[]", "\"me\"", "true"), ""},
      {to_users("[7]", "\"me\"", "true"), ""},
  });
  check({{to_users("[\"ada\"]", "null", "false"), hi}, {to_users("[7]", "null", "false"), ""}}, "user=ada&socket=me");
}

TEST_CASE("an anonymous socket receives broadcasts for everyone, and matches no list", "[page][CC-25]") {
  check(
      {
          {to_users("[null]", "null", "false"), ""},
          {to_users("[\"\"]", "null", "false"), ""},
          {to_users("[\"None\"]", "null", "false"), ""},
          {to_users("[]", "null", "true"), hi},
          {to_users("[]", "\"me\"", "true"), ""},
          {individual(R"({"None":"hi","":"hi","null":"hi"})", "null"), ""},
          {to_group(R"(,"exclude_user_ids":[null])"), hi},
          {R"({"type":"force_disconnect_users","user_ids":[null],"ignore_web_socket_ids":null})", ""},
          {R"({"type":"users_removed_from_permission_group","user_ids_to_remove":[null],"permission_group_name":"x"})",
           ""},
      },
      "user=anonymous&socket=me");
}

TEST_CASE("broadcast_to_users_individual_payloads sends each user their own payload", "[page][CC-25][BT-5]") {
  check({
      {individual(R"({"7":"hi"})", "null"), hi},
      {individual(R"({"8":"bye","7":"hi"})", "null"), hi},
      {individual(R"({"8":"bye"})", "null"), ""},
      {individual("{}", "null"), ""},
      {individual(R"({"7":"hi"})", "\"me\""), ""},
      {individual(R"({"7":"hi"})", "\"other\""), hi},
      {individual(R"({"7":null})", "\"\""), "null"},
      {individual(R"({"07":"hi"})", "null"), ""},
  });
}

TEST_CASE("broadcast_to_group excludes users first, then the ignored socket", "[page][CC-26]") {
  const auto row = [](std::string_view excluded, std::string_view ignored) {
    return to_group(R"(,"ignore_web_socket_id":)" + std::string(ignored) + R"(,"exclude_user_ids":)" +
                    std::string(excluded));
  };
  check({
      {row("null", "null"), hi},
      {row("null", "\"me\""), ""},
      {row("null", "\"other\""), hi},
      {row("[7]", "null"), ""},
      {row("[8]", "null"), hi},
      {row("[7]", "\"other\""), ""},
      {row("[8]", "\"me\""), ""},
      // and what a peer may leave out or write oddly
      {row("[]", "\"\""), hi},
      {row("[\"7\"]", "null"), hi},
      {to_group(""), hi},
      {to_group(R"(,"ignore_web_socket_id":"me")"), ""},
      {to_group(R"(,"exclude_user_ids":[8,7])"), ""},
  });
}

TEST_CASE("a payload is any JSON, and goes out as it is", "[page][CC-32]") {
  check({
      {R"({"type":"broadcast_to_group","payload":null})", "null"},
      {R"({"type":"broadcast_to_group","payload":{"type":"rows_created","rows":[{"id":1.0}]}})",
       R"({"type":"rows_created","rows":[{"id":1.0}]})"},
      {R"({"type":"broadcast.to.group","payload":[1]})", "[1]"},
  });
}

TEST_CASE("a broadcast without a payload reaches no one, and is counted", "[page][CC-32]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  house.tell("users", R"({"type":"broadcast_to_group"})");
  CHECK(ann->heard() == "");
  CHECK(house.host.stats().undecodable_events == 1);
}

TEST_CASE("a broadcast to an empty group has no effect", "[page][CC-32]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  REQUIRE(broadcast_to_channel_group(house.layer, "table-9", json::Text("1")));
  house.executor.run_all();
  CHECK(ann->heard() == "");
}

TEST_CASE("one change may reach a client twice, by two groups", "[page][CC-33]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  const json::Text deleted(R"({"type":"group_user_deleted"})");
  REQUIRE(broadcast_to_users(house.layer, {7, 8}, deleted));
  REQUIRE(broadcast_to_users(house.layer, {7}, deleted));
  house.executor.run_all();
  CHECK(ann->heard() == "{\"type\":\"group_user_deleted\"}\n{\"type\":\"group_user_deleted\"}");
}

TEST_CASE("only listed handlers can be reached by an event of a peer", "[page][DI-3][DI-4]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  for (const auto* type : {"send_json", "close", "scope", "receive_json", "page_add", "force_disconnect", "recheck"}) {
    house.tell("users", R"({"type":")" + std::string(type) + R"("})");
  }
  CHECK(ann->heard() == "");
  CHECK(house.host.stats().unknown_events == 7);
}

TEST_CASE("an unreadable event of Baserow has no effect", "[page][CC-27][CC-30]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  for (const auto* event : {R"({"type":"force_disconnect_users"})", R"({"type":"force_disconnect_users","user_ids":7})",
                            R"({"type":"users_removed_from_permission_group","user_ids_to_remove":[7]})",
                            R"({"type":"recheck_pages","group":[]})"}) {
    house.tell("users", event);
  }
  CHECK(house.host.stats().undecodable_events == 4);
  CHECK(ann->ask(R"({"page":"table","table_id":1})") != "");
}

// --- force_disconnect_users

TEST_CASE("force_disconnect_users closes the listed users, without the ignored sockets", "[page][CC-30]") {
  const auto heard = [](std::string_view who, std::string_view ids, std::string_view ignored) {
    House house;
    auto socket = Browser::in(house, who);
    house.tell("users", R"({"type":"force_disconnect_users","user_ids":)" + std::string(ids) +
                            R"(,"ignore_web_socket_ids":)" + std::string(ignored) + "}");
    return socket->heard();
  };
  const std::string out = "{\"type\":\"force_disconnect\"}\nclose 1000";
  CHECK(heard("user=7&socket=me", "[7]", "null") == out);
  CHECK(heard("user=7&socket=me", "[7]", "[]") == out);
  CHECK(heard("user=7&socket=me", "[7]", "[null]") == out);
  CHECK(heard("user=7&socket=me", "[7]", "[\"other\"]") == out);
  CHECK(heard("user=7&socket=me", "[7]", "[\"me\"]") == "");
  CHECK(heard("user=7&socket=me", "[7]", "[null,\"other\",\"me\"]") == "");
  CHECK(heard("user=7&socket=me", "[8]", "null") == "");
  CHECK(heard("user=7&socket=me", "[\"7\"]", "null") == "");
  CHECK(heard("user=7&socket=me", "[8,7]", "null") == out);
  CHECK(heard("user=7", "[7]", "[\"\"]") == out);
}

TEST_CASE("after force_disconnect nothing is received or handled, and every group is left", "[page][CC-31]") {
  House house;
  auto ann = Browser::in(house, "user=7&socket=me");
  ann->ask(R"({"page":"table","table_id":1})");
  REQUIRE(force_disconnect_users(house.layer, {7}));
  REQUIRE(broadcast_to_channel_group(house.layer, "table-1", json::Text("1")));
  REQUIRE(broadcast_to_users(house.layer, {7}, json::Text("2")));
  house.executor.post([&] { ann->client.connection().say(Message::text(R"({"page":"table","table_id":2})")); });
  house.executor.run_all();
  CHECK(ann->heard() == "{\"type\":\"force_disconnect\"}\nclose 1000");
  CHECK(house.layer.stats().groups == 0);
  CHECK(house.table->asked == 1);
}

TEST_CASE("a user who changed the password stays connected on that socket only", "[page][CC-30]") {
  House house;
  auto here = Browser::in(house, "user=7&socket=here"), there = Browser::in(house, "user=7&socket=there");
  REQUIRE(force_disconnect_users(house.layer, {7}, {"here"}));
  house.executor.run_all();
  CHECK(here->heard() == "");
  CHECK(there->heard() == "{\"type\":\"force_disconnect\"}\nclose 1000");
}

TEST_CASE("an event for one of many sockets reaches one", "[page][BT-6]") {
  House house;
  std::vector<std::unique_ptr<Browser>> browsers;
  for (int user = 1; user <= 200; ++user) browsers.push_back(Browser::in(house, "user=" + std::to_string(user)));
  const auto before = house.layer.stats().deliveries;
  REQUIRE(broadcast_to_users(house.layer, {77}, json::Text("1")));
  house.executor.run_all();
  CHECK(house.layer.stats().deliveries - before == 1);
  CHECK(browsers[76]->heard() == "1");
  CHECK(browsers[75]->heard() == "");
}

TEST_CASE("after a gap clients that asked for it are told to fetch again", "[page]") {
  House house({.tell_gaps = true});
  auto socket = Browser::in(house, "user=7&socket=me");
  REQUIRE(socket->ask(R"({"page":"table","table_id":7})") != "");
  house.tell("users", R"({"type":"layer_down"})");
  CHECK(socket->heard() == "");
  house.tell("users", R"({"type":"layer_up"})");
  CHECK(socket->heard() == R"({"type":"updates_missed"})");
  CHECK(house.members("table-7") == 1);

  House silent;
  auto other = Browser::in(silent, "user=7&socket=me");
  silent.tell("users", R"({"type":"layer_up"})");
  CHECK(other->heard() == "");
  CHECK(silent.host.stats().unknown_events == 0);
}
