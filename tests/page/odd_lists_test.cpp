// SPDX-License-Identifier: MIT
// Lists of users with invalid members: a revocation applies to all the others.
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "page/house.hpp"
#include "support/catch.hpp"

using namespace page_test;

namespace {

constexpr const char* table_1 = R"({"page":"table","table_id":1})";
constexpr const char* discarded = R"({"type":"page_discard","page":"table","parameters":{"table_id":1}})";

std::string revocation(const std::string& list) {
  return R"({"type":"users_removed_from_permission_group","user_ids_to_remove":)" + list +
         R"(,"permission_group_name":"permissions-table-1"})";
}

}  // namespace

TEST_CASE("a revocation applies to the valid user ids of its list, whatever else it contains", "[page][CC-27][CC-28]") {
  const std::vector<std::pair<std::string, bool>> table = {
      {"[7]", true},
      {"[2.5,7]", true},
      {"[7,18446744073709551615]", true},
      {"[true,null,[1],{},7]", true},
      {"[7.0]", true},  // Python's 7.0 is its 7
      {"7", false},     // no list: nothing of it counts, as ever
      {"[\"7\"]", false},
      {"[7.5]", false},
      {"[true]", false},
      {"[18446744073709551615]", false},
      {"[]", false},
      {"null", false},
      {"{\"7\":1}", false},
  };
  for (const auto& [list, named] : table) {
    CAPTURE(list);
    House house;
    auto ann = Browser::in(house, "user=7"), bob = Browser::in(house, "user=1");
    ann->ask(table_1);
    bob->ask(table_1);
    house.tell("permissions-table-1", revocation(list));
    CHECK(ann->heard() == (named ? discarded : ""));
    CHECK(bob->heard() == "");
  }
}

TEST_CASE("ids that are left out of a list are logged once for a broadcast, not for each client", "[page][CC-27]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  house.tell("users", revocation("[7,2.5,true]"));
  CHECK(house.log.text() ==
        "event \"users_removed_from_permission_group\": 2 of user_ids_to_remove can't be read, the first is 2.5, left "
        "out\n");
  for (int i = 0; i < 100; ++i) house.tell("users", revocation("[2.5]"));
  CHECK(house.log.size() == 10);
}

TEST_CASE("a forced disconnect applies to the valid user ids of its lists, whatever else they contain",
          "[page][CC-30]") {
  for (const std::string lists :
       {R"("user_ids":[7,2.5])", R"("user_ids":[7],"ignore_web_socket_ids":[1])",
        R"("user_ids":[7],"ignore_web_socket_ids":7)", R"("user_ids":[18446744073709551615,7])",
        R"("user_ids":[7],"ignore_web_socket_ids":null)",
        R"("user_ids":[7],"ignore_web_socket_ids":["other",null,2])"}) {
    CAPTURE(lists);
    House house;
    auto ann = Browser::in(house, "user=7&socket=s"), bob = Browser::in(house, "user=8");
    house.tell("users", R"({"type":"force_disconnect_users",)" + lists + "}");
    CHECK(ann->heard() == "{\"type\":\"force_disconnect\"}\nclose 1000");
    CHECK(bob->heard() == "");
  }
  House house;
  auto ann = Browser::in(house, "user=7&socket=s");
  house.tell("users", R"({"type":"force_disconnect_users","user_ids":[7],"ignore_web_socket_ids":[1,"s"]})");
  CHECK(ann->heard() == "");
}

TEST_CASE("a user id above 2^63-1 matches no user, and does not wrap to another", "[page][CC-22]") {
  constexpr auto highest = std::numeric_limits<std::uint64_t>::max();
  CHECK(UserId(highest).anonymous());
  CHECK(UserId(std::uint64_t(1) << 63).anonymous());
  CHECK(UserId((std::uint64_t(1) << 63) - 1) == UserId(std::numeric_limits<std::int64_t>::max()));
  CHECK(UserId(-1).number() != nullptr);

  House house;
  auto ann = Browser::in(house, "user=7");
  REQUIRE(broadcast_to_users(house.layer, {UserId(highest), UserId(7)}, json::Text("1")));
  house.executor.run_all();
  CHECK(ann->heard() == "1");
  CHECK(house.log.text() == "broadcast_to_users: 1 of 2 user ids match no user: they are anonymous, or above 2^63-1\n");
}
