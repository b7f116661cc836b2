// SPDX-License-Identifier: MIT
// Broadcasts as the map of an event, in which other processes read them.
#include <string>
#include <utility>
#include <vector>

#include "sluice/layer/event.hpp"
#include "support/broadcast_lines.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

json::Text text(std::string encoded) { return json::Text(std::move(encoded)); }

std::string read(const char* json_map) { return lines(Event::parse(json_map).value()); }

}  // namespace

TEST_CASE("broadcasts are written with all keys, unset ones as null", "[page][BT-2]") {
  CHECK(Event::broadcast_to_group(text("{\"a\":1}")).text().view() ==
        R"({"type":"broadcast_to_group","payload":{"a":1},"ignore_web_socket_id":null,"exclude_user_ids":null})");
  CHECK(Event::broadcast_to_group(text("1"), {.except_socket = "s", .except_users = {1, "x"}}).text().view() ==
        R"({"type":"broadcast_to_group","payload":1,"ignore_web_socket_id":"s","exclude_user_ids":[1,"x"]})");
  CHECK(
      Event::broadcast_to_users(text("1"), {3, 4}, "s").text().view() ==
      R"({"type":"broadcast_to_users","user_ids":[3,4],"payload":1,"ignore_web_socket_id":"s","send_to_all_users":false})");
  CHECK(
      Event::broadcast_to_all_users(text("1")).text().view() ==
      R"({"type":"broadcast_to_users","user_ids":[],"payload":1,"ignore_web_socket_id":null,"send_to_all_users":true})");
  CHECK(
      Event::broadcast_to_users_individual_payloads({{1, text("10")}, {"ada", text("20")}}, "s").text().view() ==
      R"({"type":"broadcast_to_users_individual_payloads","payload_map":{"1":10,"ada":20},"ignore_web_socket_id":"s",)"
      R"("text_user_ids":[]})");
  CHECK(Event::broadcast_to_users_individual_payloads({{"ada", text("20")}}).text().view() ==
        R"({"type":"broadcast_to_users_individual_payloads","payload_map":{"ada":20},"ignore_web_socket_id":null})");
  CHECK(Event::broadcast_to_users_individual_payloads({}).text().view() ==
        R"({"type":"broadcast_to_users_individual_payloads","payload_map":{},"ignore_web_socket_id":null})");
}

TEST_CASE("broadcasts that were written are read unchanged", "[page][BT-2]") {
  const Event events[] = {
      Event::broadcast_to_group(text("{\"a\":1}")),
      Event::broadcast_to_group(text("1"), {.except_socket = "s", .except_users = {1, "x"}}),
      Event::broadcast_to_users(text("null"), {3, "y"}, "s"),
      Event::broadcast_to_users(text("\"t\""), {}),
      Event::broadcast_to_all_users(text("1"), "s"),
  };
  for (const Event& event : events) {
    CHECK(event.broadcasts().size() == 1);
    CHECK(read(std::string(event.text().view()).c_str()) == lines(event));
  }
}

TEST_CASE("broadcasts of peers are read, whatever they leave out", "[page][CC-22][CC-23][CC-25][CC-26]") {
  CHECK(read(R"({"type":"broadcast.to.group","payload":{"b":[1.0]}})") == R"(not [] all {"b":[1.0]})");
  CHECK(read(R"({"type":"broadcast_to_group","payload":null,"ignore_web_socket_id":"s","exclude_user_ids":[1,"1"]})") ==
        R"(not s[1,"1"] all null)");
  CHECK(
      read(
          R"({"type":"broadcast_to_group","payload":1,"ignore_web_socket_id":7,"exclude_user_ids":[null,true,2,2]})") ==
      "not [2] all 1");
  CHECK(read(R"({"type":"broadcast_to_users","payload":1,"user_ids":[1,null,{},1]})") == "not [] only [1] 1");
  CHECK(read(R"({"type":"broadcast_to_users","payload":1})") == "not [] only [] 1");
  CHECK(read(R"({"type":"broadcast_to_users","payload":1,"user_ids":[9],"send_to_all_users":true})") == "not [] all 1");
  CHECK(read(R"({"type":"broadcast_to_users","payload":1,"user_ids":[9],"send_to_all_users":"yes"})") ==
        "not [] only [9] 1");
  CHECK(read(R"({"type":"broadcast_to_users_individual_payloads","payload_map":{"1":10,"x":20,"01":30},)"
             R"("ignore_web_socket_id":"s"})") ==
        R"(not s[] only ["1",1] 10; not s[] only ["x"] 20; not s[] only ["01"] 30)");
}

TEST_CASE("user 7 and user \"7\" each get their own individual payload, in another process too", "[page][CC-25]") {
  const auto written = [](std::vector<std::pair<UserId, Payload>> payloads) {
    return read(std::string(Event::broadcast_to_users_individual_payloads(std::move(payloads)).text().view()).c_str());
  };
  CHECK(written({{7, text("1")}}) == "not [] only [7] 1");
  CHECK(written({{"7", text("1")}}) == R"(not [] only ["7"] 1)");
  CHECK(written({{7, text("1")}, {"8", text("2")}}) == R"(not [] only [7] 1; not [] only ["8"] 2)");
  CHECK(written({{"7", text("2")}, {7, text("1")}}) == R"(not [] only [7] 1; not [] only ["7"] 2)");
  // A Django peer looks for the text of its user's id.
  CHECK(Event::broadcast_to_users_individual_payloads({{"7", text("1")}}).value()["payload_map"]["7"]);
}

TEST_CASE("a broadcast without a payload is refused", "[page]") {
  CHECK(read(R"({"type":"broadcast_to_group"})") == "");
  CHECK(read(R"({"type":"broadcast_to_users","user_ids":[1]})") == "");
  CHECK(read(R"({"type":"broadcast_to_users_individual_payloads"})") == "");
  CHECK(read(R"({"type":"broadcast_to_users_individual_payloads","payload_map":[1]})") == "");
  CHECK(Event::parse(R"({"type":"broadcast_to_group"})")->broadcast_kind() == BroadcastKind::to_group);
}

TEST_CASE("a payload's key travels with its event, and an event without one is as it was", "[page]") {
  const Payload euro(text("1"), "euro"), yen(text("2"), "yen");
  const auto keys = [](const Event& event) {
    std::string all;
    for (const Broadcast& one : event.broadcasts()) all += one.key + ";";
    return all;
  };
  const Event to_group = Event::broadcast_to_group(euro);
  CHECK(to_group.text().view() ==
        R"({"type":"broadcast_to_group","payload":1,"ignore_web_socket_id":null,"exclude_user_ids":null,)"
        R"("payload_key":"euro"})");
  for (const Event& event : {to_group, Event::broadcast_to_users(euro, {1}), Event::broadcast_to_all_users(euro)}) {
    CHECK(keys(event) == "euro;");
    CHECK(keys(Event::parse(event.text().view()).value()) == "euro;");
  }
  const Event each = Event::broadcast_to_users_individual_payloads({{1, euro}, {2, text("3")}, {"x", yen}});
  CHECK(each.text().view() == R"({"type":"broadcast_to_users_individual_payloads","payload_map":{"1":1,"2":3,"x":2},)"
                              R"("ignore_web_socket_id":null,"payload_key":{"1":"euro","x":"yen"},)"
                              R"("text_user_ids":[]})");
  CHECK(keys(Event::parse(each.text().view()).value()) == "euro;;yen;");
  CHECK(keys(Event::parse(R"({"type":"broadcast_to_group","payload":1,"payload_key":7})").value()) == ";");
}
