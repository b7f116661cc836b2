// SPDX-License-Identifier: MIT
// What happens while a client is being admitted to a page: rights that change, and answers that do not come.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "page/house.hpp"
#include "support/catch.hpp"

using namespace page_test;

namespace {

constexpr const char* table_1 = R"({"page":"table","table_id":1})";
constexpr const char* added = R"({"type":"page_add","page":"table","parameters":{"table_id":1}})";
constexpr const char* discarded = R"({"type":"page_discard","page":"table","parameters":{"table_id":1}})";

// Revokes a permission: changes the state, then broadcasts the revocation.
struct Change {
  std::string name;
  std::function<void(House&)> happens;
};

std::vector<Change> changes() {
  const auto recheck = [](std::string group) {
    return [group = std::move(group)](House& house) {
      house.table->open = false;
      CHECK(recheck_pages(house.layer, group));
    };
  };
  return {{"a recheck of the page's group", recheck("table-1")},
          {"a recheck of the permission group", recheck("permissions-table-1")},
          {"a revocation",
           [](House& house) { CHECK(remove_users_from_permission_group(house.layer, "permissions-table-1", {7})); }}};
}

}  // namespace

TEST_CASE("no order of events leaves a client on a page that was revoked during its subscription",
          "[page][CC-6][PT-8]") {
  for (const Change& change : changes()) {
    for (const std::string moment : {"permissions joined", "group joined", "can_add asked", "can_add answered"}) {
      CAPTURE(change.name, moment);
      House house;
      auto ann = Browser::in(house, "user=7");
      const auto change_now = [&] { change.happens(house); };
      house.table->decision.emplace();  // can_add reads "yes", and its answer is on the way
      const auto decision = *house.table->decision;
      if (moment == "permissions joined") house.layer.after("group_add permissions-table-1", change_now);
      if (moment == "group joined") house.layer.after("group_add table-1", change_now);
      ann->client.say(table_1);
      house.executor.run_all();
      if (moment == "can_add asked") {
        change_now();
        house.executor.run_all();
      }
      // Asked after the change, it reads what the change left.
      decision.resolve(moment.starts_with("can_add") || house.table->open);
      if (moment == "can_add answered") change_now();
      house.executor.run_all();
      REQUIRE(broadcast_to_channel_group(house.layer, "table-1", json::Text("\"secret\"")));
      house.executor.run_all();
      const std::string heard = ann->heard();
      CHECK(heard.find("secret") == heard.npos);
      CHECK((heard == "" || heard.ends_with(discarded)));
      CHECK(house.layer.stats().groups == 1);
    }
  }
}

TEST_CASE("a page without a permission group is revoked by a recheck during its subscription", "[page][PT-8]") {
  struct SlowView final : Page<ViewParams> {
    SlowView() : Page("slow view") {}
    Task<bool> can_add(const Scope&, const ViewParams&) override {
      if (decision) {
        const auto waits_for = *std::exchange(decision, {});
        co_return co_await waits_for;
      }
      co_return false;
    }
    std::string group_name(const ViewParams& page) const override { return "slow-view-" + page.slug; }
    std::optional<Completion<bool>> decision;
  };
  House house;
  auto view = std::make_shared<SlowView>();
  REQUIRE(house.registry->add(view));
  auto ann = Browser::in(house, "user=7");
  view->decision.emplace();
  const auto decision = *view->decision;
  ann->ask(R"({"page":"slow view","slug":"s"})");
  REQUIRE(recheck_pages(house.layer, "slow-view-s"));
  house.executor.run_all();
  decision.resolve(true);
  house.executor.run_all();
  CHECK(ann->heard() ==
        R"({"type":"page_add","page":"slow view","parameters":{"slug":"s","token":null}}
{"type":"page_discard","page":"slow view","parameters":{"slug":"s","token":null}})");
  CHECK(house.members("slow-view-s") == 0);
}

TEST_CASE("a forced disconnect during a subscription closes the client", "[page][CC-30]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  house.table->decision.emplace();
  const auto decision = *house.table->decision;
  ann->ask(table_1);
  REQUIRE(force_disconnect_users(house.layer, {7}));
  house.executor.run_all();
  decision.resolve(true);
  house.executor.run_all();
  CHECK(ann->heard() == std::string(added) + "\n{\"type\":\"force_disconnect\"}\nclose 1000");
  CHECK(house.layer.stats().groups == 0);
}

TEST_CASE("broadcasts during can_add() are sent behind the answer, or not at all", "[page][CC-6][CC-8]") {
  for (const bool allowed : {true, false}) {
    House house;
    auto ann = Browser::in(house, "user=7");
    house.table->decision.emplace();
    const auto decision = *house.table->decision;
    ann->ask(table_1);
    REQUIRE(broadcast_to_channel_group(house.layer, "table-1", json::Text("\"a row\"")));
    house.executor.run_all();
    CHECK(ann->heard() == "");
    decision.resolve(allowed);
    house.executor.run_all();
    CHECK(ann->heard() == (allowed ? std::string(added) + "\n\"a row\"" : ""));
  }
}

// --- no answer

TEST_CASE("a permission check that throws ends the connection with 1011, so that the client asks again",
          "[page][CC-14]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(table_1);
  CHECK(ann->ask(R"({"page":"table","table_id":13})") == "close 1011 a permission check failed");
  CHECK(house.log.text() == "page \"table\": can_add threw: the database is on fire\n");
  CHECK(house.registry->stats().failed == 1);
  CHECK(house.registry->stats().refused == 0);
  CHECK(house.layer.stats().groups == 0);
}

TEST_CASE("a page whose group can't be joined ends the connection with 1013, so that the client asks again",
          "[page][CC-14]") {
  for (const std::string group : {"permissions-table-1", "table-1"}) {
    CAPTURE(group);
    House house;
    auto ann = Browser::in(house, "user=7");
    house.layer.fail("group_add " + group);
    CHECK(ann->ask(table_1) == "close 1013 the channel layer is away");
    CHECK(house.log.text() == "page \"table\": layer_unavailable: group_add " + group + ": the script says so\n");
    CHECK(house.registry->stats().failed == 1);
    CHECK(house.registry->stats().refused == 0);
    CHECK(house.layer.stats().groups == 0);
  }
}

TEST_CASE("a frame behind a subscription without an answer is not handled", "[page][CC-14]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  CHECK(ann->ask(R"({"page":"table","remove_page":"table","table_id":13})") == "close 1011 a permission check failed");
}
