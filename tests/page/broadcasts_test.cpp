// SPDX-License-Identifier: MIT
#include "sluice/page/broadcasts.hpp"

#include <string>
#include <vector>

#include "page/house.hpp"
#include "support/catch.hpp"

using namespace page_test;

namespace {

struct GroupUpdated {
  static constexpr std::string_view event_type = "group_updated";
  int workspace_id = 0;
  static constexpr auto fields() { return sluice::fields(sluice::field("workspace_id", &GroupUpdated::workspace_id)); }
};

const json::Text rows_updated(R"({"type":"rows_updated","table_id":22,"rows":[{"id":1,"order":"1.00"}]})");
const std::string socket_id = "934254ab-0c87-4dbc-9d71-7eeab029296c";

struct Wire {
  testing::ManualExecutor executor;
  InMemoryChannelLayer memory{executor};
  testing::ScriptedChannelLayer layer{memory};
};

}  // namespace

// What Django peers put into Redis for the same calls, key by key.
TEST_CASE("every broadcast is the event that Baserow's peers send and expect", "[page][BT-2]") {
  Wire wire;
  REQUIRE(broadcast_to_users(wire.layer, {1, 2}, GroupUpdated{5}, socket_id));
  CHECK(
      wire.layer.take_transcript() ==
      R"(group_send users {"type":"broadcast_to_users","user_ids":[1,2],"payload":{"type":"group_updated","workspace_id":5},)"
      R"("ignore_web_socket_id":"934254ab-0c87-4dbc-9d71-7eeab029296c","send_to_all_users":false})");

  const json::Text created(R"({"type":"application_created"})");
  REQUIRE(broadcast_to_users_individual_payloads(wire.layer, {{1, created}, {2, created}}));
  CHECK(
      wire.layer.take_transcript() ==
      R"(group_send users {"type":"broadcast_to_users_individual_payloads","payload_map":{"1":{"type":"application_created"},)"
      R"("2":{"type":"application_created"}},"ignore_web_socket_id":null,"text_user_ids":[]})");

  REQUIRE(broadcast_to_channel_group(wire.layer, "table-22", rows_updated));
  CHECK(wire.layer.take_transcript() ==
        R"(group_send table-22 {"type":"broadcast_to_group","payload":{"type":"rows_updated","table_id":22,)"
        R"("rows":[{"id":1,"order":"1.00"}]},"ignore_web_socket_id":null,"exclude_user_ids":null})");

  REQUIRE(force_disconnect_users(wire.layer, {7}));
  CHECK(wire.layer.take_transcript() ==
        R"(group_send users {"type":"force_disconnect_users","user_ids":[7],"ignore_web_socket_ids":null})");

  REQUIRE(remove_users_from_permission_group(wire.layer, "permissions-table-22", {7}));
  CHECK(wire.layer.take_transcript() ==
        R"(group_send permissions-table-22 {"type":"users_removed_from_permission_group","user_ids_to_remove":[7],)"
        R"("permission_group_name":"permissions-table-22"})");
}

TEST_CASE("optional parts of a broadcast are in the event when they are given", "[page][BT-2]") {
  Wire wire;
  REQUIRE(broadcast_to_all_users(wire.layer, json::Text("1")));
  REQUIRE(broadcast_to_all_users(wire.layer, json::Text("1"), "s"));
  REQUIRE(broadcast_to_channel_group(wire.layer, "g", 1, {.except_socket = "s", .except_users = {7, "ada"}}));
  REQUIRE(broadcast_to_users_individual_payloads(wire.layer, {{"ada", 1}}, "s"));
  REQUIRE(force_disconnect_users(wire.layer, {7, "ada"}, {"s", "t"}));
  REQUIRE(recheck_pages(wire.layer, "view-x"));
  REQUIRE(send_message_to_channel_group(wire.layer, "g", Event::named("refresh")));
  CHECK(
      wire.layer.take_transcript() ==
      R"(group_send users {"type":"broadcast_to_users","user_ids":[],"payload":1,"ignore_web_socket_id":null,"send_to_all_users":true}
group_send users {"type":"broadcast_to_users","user_ids":[],"payload":1,"ignore_web_socket_id":"s","send_to_all_users":true}
group_send g {"type":"broadcast_to_group","payload":1,"ignore_web_socket_id":"s","exclude_user_ids":[7,"ada"]}
group_send users {"type":"broadcast_to_users_individual_payloads","payload_map":{"ada":1},"ignore_web_socket_id":"s"}
group_send users {"type":"force_disconnect_users","user_ids":[7,"ada"],"ignore_web_socket_ids":["s","t"]}
group_send view-x {"type":"recheck_pages","group":"view-x"}
group_send g {"type":"refresh"})");
}

TEST_CASE("a broadcast for no users is not sent", "[page][BT-3]") {
  Wire wire;
  REQUIRE(broadcast_to_users(wire.layer, {}, 1));
  REQUIRE(broadcast_to_users_individual_payloads(wire.layer, {}));
  REQUIRE(force_disconnect_users(wire.layer, {}));
  REQUIRE(remove_users_from_permission_group(wire.layer, "g", {}));
  REQUIRE(broadcast_many_to_channel_group(wire.layer, {}));
  CHECK(wire.layer.take_transcript() == "");
}

TEST_CASE("a payload is any JSON: encoded, described, plain text or null", "[page][CC-22]") {
  CHECK(Payload(json::Text(R"({"a":1})")).text().view() == R"({"a":1})");
  CHECK(Payload(json::Text()).text().view() == "null");
  CHECK(Payload(GroupUpdated{5}).text().view() == R"({"type":"group_updated","workspace_id":5})");
  CHECK(Payload(std::string("hi")).text().view() == R"("hi")");
  CHECK(Payload("hi").text().view() == R"("hi")");
  CHECK(Payload(std::vector<int>{1, 2}).text().view() == "[1,2]");
}

TEST_CASE("many broadcasts go to each group in turn, past one that fails", "[page][PT-4][BT-2]") {
  Wire wire;
  REQUIRE(broadcast_many_to_channel_group(wire.layer, {{"a", 1}, {"b", 2}, {"a", 3}}, {.except_socket = "s"}));
  CHECK(wire.layer.take_transcript() ==
        R"(group_send a {"type":"broadcast_to_group","payload":1,"ignore_web_socket_id":"s","exclude_user_ids":null}
group_send b {"type":"broadcast_to_group","payload":2,"ignore_web_socket_id":"s","exclude_user_ids":null}
group_send a {"type":"broadcast_to_group","payload":3,"ignore_web_socket_id":"s","exclude_user_ids":null})");

  const auto sent = broadcast_many_to_channel_group(wire.layer, {{"a", 1}, {"not a group", 2}, {"b", 3}, {"", 4}});
  REQUIRE(!sent);
  CHECK(sent.error().code() == ErrorCode::invalid_name);
  CHECK(sent.error().context().find("not a group") != std::string::npos);
  CHECK(wire.layer.stats().group_sends == 5);
}

TEST_CASE("every broadcast that the layer refuses returns an error", "[page][BT-1]") {
  Wire wire;
  const auto refused = [&](std::string group, auto&& broadcast) {
    wire.layer.fail("group_send " + group);
    const Result<void> sent = broadcast();
    return !sent && sent.error().code() == ErrorCode::layer_unavailable;
  };
  CHECK(refused("users", [&] { return broadcast_to_users(wire.layer, {1}, 1); }));
  CHECK(refused("users", [&] { return broadcast_to_all_users(wire.layer, 1); }));
  CHECK(refused("users", [&] { return broadcast_to_users_individual_payloads(wire.layer, {{1, 1}}); }));
  CHECK(refused("users", [&] { return force_disconnect_users(wire.layer, {1}); }));
  CHECK(refused("g", [&] { return broadcast_to_channel_group(wire.layer, "g", 1); }));
  CHECK(refused("g", [&] { return broadcast_many_to_channel_group(wire.layer, {{"g", 1}}); }));
  CHECK(refused("g", [&] { return remove_users_from_permission_group(wire.layer, "g", {1}); }));
  CHECK(refused("g", [&] { return recheck_pages(wire.layer, "g"); }));
  CHECK(refused("g", [&] { return send_message_to_channel_group(wire.layer, "g", Event::named("x")); }));
}
