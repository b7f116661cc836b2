// SPDX-License-Identifier: MIT
#include <string>

#include "page/house.hpp"
#include "support/catch.hpp"

using namespace page_test;

namespace {

std::string add(int table) {
  return R"({"type":"page_add","page":"table","parameters":{"table_id":)" + std::to_string(table) + "}}";
}

std::string discard(int table) {
  return R"({"type":"page_discard","page":"table","parameters":{"table_id":)" + std::to_string(table) + "}}";
}

}  // namespace

TEST_CASE("a user who is removed from a permission group loses its pages, oldest first, and keeps the others",
          "[page][CC-27]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"row","table_id":1,"row_id":5})");
  ann->ask(R"({"page":"table","table_id":2})");
  ann->ask(R"({"page":"table","table_id":"1"})");
  ann->ask(R"({"page":"row","table_id":1,"row_id":4})");
  REQUIRE(remove_users_from_permission_group(house.layer, "permissions-table-1", {3, 7}));
  house.executor.run_all();
  CHECK(ann->heard() ==
        R"({"type":"page_discard","page":"row","parameters":{"table_id":1,"row_id":5}}
{"type":"page_discard","page":"table","parameters":{"table_id":"1"}}
{"type":"page_discard","page":"row","parameters":{"table_id":1,"row_id":4}})");
  CHECK(house.registry->stats().evicted == 3);
  CHECK(house.members("permissions-table-1") == 0);
  CHECK(house.members("table-1") == 0);
  CHECK(house.members("table-2") == 1);
  CHECK(house.layer.stats().groups == 3);
}

TEST_CASE("users who are not listed in a revocation are not affected", "[page][CC-28]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"table","table_id":1})");
  house.tell("permissions-table-1", R"({"type":"users_removed_from_permission_group","user_ids_to_remove":[8,"7"],)"
                                    R"("permission_group_name":"permissions-table-1"})");
  CHECK(ann->heard() == "");
  CHECK(house.members("table-1") == 1);
}

TEST_CASE("a revocation names its group in the event, however it arrived", "[page][CC-29]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"table","table_id":1})");
  ann->ask(R"({"page":"table","table_id":2})");
  house.tell("permissions-table-1", R"({"type":"users_removed_from_permission_group","user_ids_to_remove":[7],)"
                                    R"("permission_group_name":"permissions-table-2"})");
  CHECK(ann->heard() == discard(2));
  house.tell("users", R"({"type":"users_removed_from_permission_group","user_ids_to_remove":[7],)"
                      R"("permission_group_name":"table-1"})");
  CHECK(ann->heard() == "");  // a page's own group is no permission group
}

TEST_CASE("a broadcast never overtakes a revocation, and one behind it is not received", "[page][CC-27]") {
  House house;
  auto ann = Browser::in(house, "user=7"), ben = Browser::in(house, "user=8");
  ann->ask(R"({"page":"table","table_id":1})");
  ben->ask(R"({"page":"table","table_id":1})");
  REQUIRE(broadcast_to_channel_group(house.layer, "table-1", json::Text("\"before\"")));
  REQUIRE(remove_users_from_permission_group(house.layer, "permissions-table-1", {7}));
  REQUIRE(broadcast_to_channel_group(house.layer, "table-1", json::Text("\"after\"")));
  REQUIRE(broadcast_to_users(house.layer, {7}, json::Text(R"({"type":"permissions_updated"})")));
  house.executor.run_all();
  // Channels would deliver "after" too: it was in the mailbox when the group was left. Here it is for members only.
  CHECK(ann->heard() == "\"before\"\n" + discard(1) + "\n{\"type\":\"permissions_updated\"}");
  CHECK(ben->heard() == "\"before\"\n\"after\"");
  REQUIRE(broadcast_to_channel_group(house.layer, "table-1", json::Text("\"too late\"")));
  house.executor.run_all();
  CHECK(ann->heard() == "");
}

TEST_CASE("pages are revoked before the client is notified of changed permissions", "[page][PT-9]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"table","table_id":1})");
  ann->ask(R"({"page":"table","table_id":2})");
  REQUIRE(remove_users_from_permission_group(house.layer, "permissions-table-1", {7}));
  REQUIRE(remove_users_from_permission_group(house.layer, "permissions-table-2", {7}));
  REQUIRE(broadcast_to_users(house.layer, {7}, json::Text(R"({"type":"permissions_updated"})")));
  house.executor.run_all();
  CHECK(ann->heard() == discard(1) + "\n" + discard(2) + "\n{\"type\":\"permissions_updated\"}");
}

TEST_CASE("a revocation that races a subscription wins", "[page][CC-6]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  house.table->decision.emplace();
  const auto decision = *house.table->decision;
  CHECK(ann->ask(R"({"page":"table","table_id":1})") == "");  // can_add looks at the permission, which is still there
  REQUIRE(remove_users_from_permission_group(house.layer, "permissions-table-1", {7}));
  house.executor.run_all();
  CHECK(ann->heard() == "");
  decision.resolve(true);
  house.executor.run_all();
  CHECK(ann->heard() == add(1) + "\n" + discard(1));
  CHECK(house.members("table-1") == 0);
  CHECK(house.members("permissions-table-1") == 0);

  house.table->decision.emplace();
  const auto refusal = *house.table->decision;
  ann->ask(R"({"page":"table","table_id":1})");
  REQUIRE(remove_users_from_permission_group(house.layer, "permissions-table-1", {7}));
  refusal.resolve(false);
  house.executor.run_all();
  CHECK(ann->heard() == "");
  CHECK(house.layer.stats().groups == 1);
}

TEST_CASE("a revocation between can_add and the page's group wins as well", "[page][CC-6]") {
  struct RevokedMeanwhile final : Page<TableParams> {
    explicit RevokedMeanwhile(ChannelLayer& channel_layer) : Page("revoked"), layer(channel_layer) {}
    Task<bool> can_add(const Scope&, const TableParams&) override {
      const bool allowed = true;  // read from the database, a moment before it changes
      CHECK(remove_users_from_permission_group(layer, "permissions-revoked", {7}));
      return allowed;
    }
    std::string group_name(const TableParams&) const override { return "revoked"; }
    std::string permission_group_name(const TableParams&) const override { return "permissions-revoked"; }
    ChannelLayer& layer;
  };
  House house;
  REQUIRE(house.registry->add(std::make_shared<RevokedMeanwhile>(house.layer)));
  auto ann = Browser::in(house, "user=7");
  CHECK(ann->ask(R"({"page":"revoked","table_id":1})") ==
        R"({"type":"page_add","page":"revoked","parameters":{"table_id":1}}
{"type":"page_discard","page":"revoked","parameters":{"table_id":1}})");
  CHECK(house.layer.stats().groups == 1);
}

TEST_CASE("a page can be asked for again after it was lost", "[page][CC-27]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"table","table_id":1})");
  REQUIRE(remove_users_from_permission_group(house.layer, "permissions-table-1", {7}));
  house.executor.run_all();
  CHECK(ann->heard() == discard(1));
  CHECK(ann->ask(R"({"page":"table","table_id":1})") == add(1));
}

// --- recheck

TEST_CASE("a recheck calls can_add() again, and revokes pages that it refuses", "[page][PT-8]") {
  House house;
  auto ann = Browser::in(house, "user=anonymous"), bob = Browser::in(house, "user=8");
  for (auto* browser : {ann.get(), bob.get()}) {
    browser->ask(R"({"page":"view","slug":"s"})");
    browser->ask(R"({"page":"view","slug":"s","token":"t"})");
    browser->ask(R"({"page":"view","slug":"other"})");
  }
  REQUIRE(recheck_pages(house.layer, "view-s"));
  house.executor.run_all();
  CHECK(ann->heard() == "");

  house.view->is_public = false;
  REQUIRE(recheck_pages(house.layer, "view-s"));
  house.executor.run_all();
  const std::string lost = R"({"type":"page_discard","page":"view","parameters":{"slug":"s","token":null}}
{"type":"page_discard","page":"view","parameters":{"slug":"s","token":"t"}})";
  CHECK(ann->heard() == lost);
  CHECK(bob->heard() == lost);
  CHECK(house.members("view-s") == 0);
  CHECK(house.members("view-other") == 2);
}

TEST_CASE("a recheck by a permission group covers all its pages", "[page][PT-8]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"table","table_id":1})");
  ann->ask(R"({"page":"row","table_id":1,"row_id":2})");
  ann->ask(R"({"page":"table","table_id":2})");
  house.table->open = false;
  house.table->asked = 0;
  REQUIRE(recheck_pages(house.layer, "permissions-table-1"));
  house.executor.run_all();
  CHECK(ann->heard() == discard(1));
  CHECK(house.table->asked == 1);
  CHECK(house.members("permissions-table-1") == 1);  // the row's
}

TEST_CASE("after a gap of the layer each page is rechecked, so that no missed revocation leaves one", "[page][PT-8]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"table","table_id":1})");
  ann->ask(R"({"page":"row","table_id":1,"row_id":2})");
  house.tell("users", R"({"type":"layer_down"})");
  house.table->open = false;  // and the revocation is lost
  CHECK(ann->heard() == "");
  house.tell("users", R"({"type":"layer_up"})");
  CHECK(ann->heard() == discard(1));
  CHECK(house.members("table-1") == 0);
}

TEST_CASE("a recheck that throws ends the connection with 1011", "[page][PT-8]") {
  struct Fragile final : Page<TableParams> {
    Fragile() : Page("fragile") {}
    Task<bool> can_add(const Scope&, const TableParams&) override {
      if (broken) throw 42;
      return true;
    }
    std::string group_name(const TableParams&) const override { return "fragile"; }
    bool broken = false;
  };
  House house;
  auto page = std::make_shared<Fragile>();
  REQUIRE(house.registry->add(page));
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"fragile","table_id":1})");
  page->broken = true;
  REQUIRE(recheck_pages(house.layer, "fragile"));
  house.executor.run_all();
  CHECK(ann->heard() == "close 1011 a permission check failed");
  CHECK(house.members("fragile") == 0);
  CHECK(house.log.text() == "page \"fragile\": can_add threw: an exception that is no std::exception\n");
}

TEST_CASE("a client that leaves during a recheck is not counted as an eviction", "[page][PT-8]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"table","table_id":1})");
  house.table->decision.emplace();
  const auto decision = *house.table->decision;
  REQUIRE(recheck_pages(house.layer, "table-1"));
  house.executor.run_all();
  ann->client.vanish();
  house.executor.run_all();
  decision.resolve(false);
  house.executor.run_all();
  CHECK(house.registry->stats().evicted == 0);
  CHECK(house.layer.stats().groups == 0);
  CHECK(ann->client.finished());
}

TEST_CASE("a recheck awaits each answer before the next call", "[page][PT-8]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"table","table_id":1})");
  ann->ask(R"({"page":"row","table_id":1,"row_id":2})");
  ann->ask(R"({"page":"view","slug":"s"})");
  house.table->decision.emplace();
  const auto decision = *house.table->decision;
  REQUIRE(recheck_pages(house.layer, "permissions-table-1"));
  house.executor.run_all();
  CHECK(ann->ask(R"({"remove_page":"table","table_id":1})") == "");  // it is busy
  decision.resolve(false);
  house.executor.run_all();
  CHECK(ann->heard() == discard(1) + "\n" + discard(1));
  CHECK(house.members("permissions-table-1") == 1);
}
