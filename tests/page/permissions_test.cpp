// SPDX-License-Identifier: MIT
// The four page types of a Baserow-like application, over a permission service that the tests make up.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "page/house.hpp"
#include "support/catch.hpp"

using namespace page_test;

namespace {

struct PermissionDenied : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct DoesNotExist : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Users 1 (all permissions), 2 (may listen, may not read rows) and 3 (in the workspace, no permissions) are members of
/// the one workspace, user 9 is not. Throws what such services throw.
class Permissions {
 public:
  struct View {
    bool is_public = false;
    bool is_form = false;
    bool trashed = false;
    std::optional<std::string> password_token = {};
  };

  std::set<std::int64_t> tables = {1};
  std::set<std::int64_t> trashed_tables = {2};
  std::set<std::int64_t> rows = {10};
  std::set<std::int64_t> dashboards = {5};
  std::map<std::string, View> views;
  std::map<std::int64_t, std::set<std::string>> granted = {
      {1, {"database.table.listen_to_all", "database.table.read_row", "dashboard.list_widgets"}},
      {2, {"database.table.listen_to_all"}},
      {3, {}}};
  bool public_view_sockets = true;
  bool database_works = true;

  bool is_member(const Scope& scope) const {
    const auto* id = scope.user()->id().number();
    return id && granted.contains(*id);
  }
  void check(const Scope& scope, const std::string& operation) const {
    need_database();
    if (!is_member(scope)) throw PermissionDenied("not in the workspace");
    if (!granted.at(*scope.user()->id().number()).contains(operation)) throw PermissionDenied(operation);
  }
  void find_table(std::int64_t id) const {
    need_database();
    if (!tables.contains(id) || trashed_tables.contains(id)) throw DoesNotExist("table");
  }
  void find_row(std::int64_t id) const {
    if (!rows.contains(id)) throw DoesNotExist("row");
  }
  void find_dashboard(std::int64_t id) const {
    need_database();
    if (!dashboards.contains(id)) throw DoesNotExist("dashboard");
  }
  const View& find_view(const std::string& slug) const {
    need_database();
    const auto found = views.find(slug);
    if (found == views.end() || found->second.trashed) throw DoesNotExist("view");
    return found->second;
  }

 private:
  void need_database() const {
    if (!database_works) throw std::runtime_error("no connection to the database");
  }
};

// Its own exceptions are refusals; all others are passed on (behaviour PT-6).
template <class Check>
bool passes(Check check) {
  try {
    return check();
  } catch (const PermissionDenied&) {
    return false;
  } catch (const DoesNotExist&) {
    return false;
  }
}

class Table final : public Page<TableParams> {
 public:
  explicit Table(const Permissions& permissions) : Page("table"), permissions_(permissions) {}
  Task<bool> can_add(const Scope& scope, const TableParams& page) override {
    return passes([&] {
      if (page.table_id == 0) return false;
      permissions_.find_table(page.table_id);
      permissions_.check(scope, "database.table.listen_to_all");
      return true;
    });
  }
  std::string group_name(const TableParams& page) const override { return "table-" + std::to_string(page.table_id); }
  std::string permission_group_name(const TableParams& page) const override {
    return "permissions-table-" + std::to_string(page.table_id);
  }

 private:
  const Permissions& permissions_;
};

class Row final : public Page<RowParams> {
 public:
  explicit Row(const Permissions& permissions) : Page("row"), permissions_(permissions) {}
  Task<bool> can_add(const Scope& scope, const RowParams& page) override {
    return passes([&] {
      if (page.table_id == 0) return false;
      permissions_.find_table(page.table_id);
      permissions_.check(scope, "database.table.listen_to_all");
      permissions_.find_row(page.row_id);
      permissions_.check(scope, "database.table.read_row");
      return true;
    });
  }
  std::string group_name(const RowParams& page) const override {
    return "table-" + std::to_string(page.table_id) + "-row-" + std::to_string(page.row_id);
  }
  std::string permission_group_name(const RowParams& page) const override {
    return "permissions-table-" + std::to_string(page.table_id);
  }

 private:
  const Permissions& permissions_;
};

class View final : public Page<ViewParams> {
 public:
  explicit View(const Permissions& permissions) : Page("view"), permissions_(permissions) {}
  Task<bool> can_add(const Scope& scope, const ViewParams& page) override {
    return passes([&] {
      if (!permissions_.public_view_sockets || page.slug.empty()) return false;
      const auto& view = permissions_.find_view(page.slug);
      const bool token_fits = !view.password_token || page.token == view.password_token;
      const bool authorised = permissions_.is_member(scope) || (view.is_public && token_fits);
      return authorised && !view.is_form;
    });
  }
  std::string group_name(const ViewParams& page) const override { return "view-" + page.slug; }

 private:
  const Permissions& permissions_;
};

struct DashboardParams {
  std::int64_t dashboard_id = 0;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("dashboard_id", &DashboardParams::dashboard_id));
  }
};

class Dashboard final : public Page<DashboardParams> {
 public:
  explicit Dashboard(const Permissions& permissions) : Page("dashboard"), permissions_(permissions) {}
  Task<bool> can_add(const Scope& scope, const DashboardParams& page) override {
    return passes([&] {
      if (page.dashboard_id == 0) return false;
      permissions_.find_dashboard(page.dashboard_id);
      permissions_.check(scope, "dashboard.list_widgets");
      return true;
    });
  }
  std::string group_name(const DashboardParams& page) const override {
    return "dashboard-" + std::to_string(page.dashboard_id);
  }
  std::string permission_group_name(const DashboardParams& page) const override {
    return "permissions-dashboard-" + std::to_string(page.dashboard_id);
  }

 private:
  const Permissions& permissions_;
};

struct Workspace : House {
  Workspace() {
    for (const auto* made_up : {"table", "row", "view"}) REQUIRE(registry->remove(made_up));
    REQUIRE(registry->add(std::make_shared<Table>(permissions)));
    REQUIRE(registry->add(std::make_shared<Row>(permissions)));
    REQUIRE(registry->add(std::make_shared<View>(permissions)));
    REQUIRE(registry->add(std::make_shared<Dashboard>(permissions)));
    permissions.views["private"] = {};
    permissions.views["public"] = {.is_public = true};
    permissions.views["locked"] = {.is_public = true, .password_token = "open sesame"};
    permissions.views["form"] = {.is_public = true, .is_form = true};
    permissions.views["trashed"] = {.is_public = true, .trashed = true};
  }
  Permissions permissions;
};

struct Case {
  std::string who;
  std::string frame;
  std::string groups;  // that are joined and kept; empty: refused
};

void check(Workspace& house, const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    INFO(one.who << " asks for " << one.frame);
    auto browser = Browser::in(house, "user=" + one.who);
    const std::string heard = browser->ask(one.frame);
    CHECK(heard.starts_with(R"({"type":"page_add")") == !one.groups.empty());
    std::string groups;
    for (const auto* group : {"permissions-table-1", "table-1", "table-1-row-10", "view-private", "view-public",
                              "view-locked", "permissions-dashboard-5", "dashboard-5"}) {
      if (house.members(group)) groups += (groups.empty() ? "" : " ") + std::string(group);
    }
    CHECK(groups == one.groups);
    browser.reset();
    house.executor.run_all();
    CHECK(house.layer.stats().groups == 0);
  }
}

}  // namespace

TEST_CASE("permissions decide which pages a user may subscribe to", "[page][PT-5][PT-6][PT-7]") {
  Workspace house;
  const std::string table = "permissions-table-1 table-1", row = "permissions-table-1 table-1-row-10";
  const std::string dashboard = "permissions-dashboard-5 dashboard-5";
  check(house, {
                   {"1", R"({"page":"table","table_id":1})", table},
                   {"2", R"({"page":"table","table_id":"1"})", table},
                   {"3", R"({"page":"table","table_id":1})", ""},
                   {"9", R"({"page":"table","table_id":1})", ""},
                   {"anonymous", R"({"page":"table","table_id":1})", ""},
                   {"1", R"({"page":"table","table_id":0})", ""},
                   {"1", R"({"page":"table","table_id":2})", ""},
                   {"1", R"({"page":"table","table_id":99})", ""},

                   {"1", R"({"page":"row","table_id":1,"row_id":10})", row},
                   {"2", R"({"page":"row","table_id":1,"row_id":10})", ""},
                   {"1", R"({"page":"row","table_id":1,"row_id":11})", ""},
                   {"1", R"({"page":"row","table_id":2,"row_id":10})", ""},
                   {"1", R"({"page":"row","table_id":1})", ""},
                   {"9", R"({"page":"row","table_id":1,"row_id":10})", ""},

                   {"1", R"({"page":"view","slug":"private"})", "view-private"},
                   {"3", R"({"page":"view","slug":"private"})", "view-private"},
                   {"9", R"({"page":"view","slug":"private"})", ""},
                   {"anonymous", R"({"page":"view","slug":"private"})", ""},
                   {"anonymous", R"({"page":"view","slug":"public"})", "view-public"},
                   {"anonymous", R"({"page":"view","slug":"public","token":"whatever"})", "view-public"},
                   {"anonymous", R"({"page":"view","slug":"locked"})", ""},
                   {"anonymous", R"({"page":"view","slug":"locked","token":"guess"})", ""},
                   {"anonymous", R"({"page":"view","slug":"locked","token":"open sesame"})", "view-locked"},
                   {"3", R"({"page":"view","slug":"locked"})", "view-locked"},
                   {"1", R"({"page":"view","slug":"form"})", ""},
                   {"anonymous", R"({"page":"view","slug":"form"})", ""},
                   {"1", R"({"page":"view","slug":"trashed"})", ""},
                   {"1", R"({"page":"view","slug":""})", ""},
                   {"1", R"({"page":"view","slug":"nope"})", ""},

                   {"1", R"({"page":"dashboard","dashboard_id":5})", dashboard},
                   {"2", R"({"page":"dashboard","dashboard_id":5})", ""},
                   {"9", R"({"page":"dashboard","dashboard_id":5})", ""},
                   {"1", R"({"page":"dashboard","dashboard_id":6})", ""},
                   {"1", R"({"page":"dashboard","dashboard_id":0})", ""},
               });
  CHECK(house.registry->stats().failed == 0);
}

TEST_CASE("public views can be switched off", "[page][PT-5]") {
  Workspace house;
  house.permissions.public_view_sockets = false;
  check(house, {{"anonymous", R"({"page":"view","slug":"public"})", ""},
                {"1", R"({"page":"view","slug":"private"})", ""},
                {"1", R"({"page":"table","table_id":1})", "permissions-table-1 table-1"}});
}

TEST_CASE("an exception of the permission service is a refusal too", "[page][PT-6][CC-14]") {
  Workspace house;
  house.permissions.database_works = false;
  check(house, {{"1", R"({"page":"table","table_id":1})", ""},
                {"1", R"({"page":"row","table_id":1,"row_id":10})", ""},
                {"1", R"({"page":"view","slug":"public"})", ""},
                {"1", R"({"page":"dashboard","dashboard_id":5})", ""}});
  CHECK(house.registry->stats().failed == 4);
}

TEST_CASE("every page type can be revoked, also the dashboard and the public view", "[page][PT-8]") {
  Workspace house;
  auto ann = Browser::in(house, "user=1"), visitor = Browser::in(house, "user=anonymous");
  ann->ask(R"({"page":"table","table_id":1})");
  ann->ask(R"({"page":"row","table_id":1,"row_id":10})");
  ann->ask(R"({"page":"dashboard","dashboard_id":5})");
  ann->ask(R"({"page":"view","slug":"locked"})");
  visitor->ask(R"({"page":"view","slug":"locked","token":"open sesame"})");
  visitor->ask(R"({"page":"view","slug":"public"})");

  house.permissions.views["locked"].password_token = "another";
  REQUIRE(recheck_pages(house.layer, "view-locked"));
  house.permissions.views["public"].is_public = false;
  REQUIRE(recheck_pages(house.layer, "view-public"));
  house.executor.run_all();
  CHECK(visitor->heard() ==
        R"({"type":"page_discard","page":"view","parameters":{"slug":"locked","token":"open sesame"}}
{"type":"page_discard","page":"view","parameters":{"slug":"public","token":null}})");
  CHECK(ann->heard() == "");  // a member needs no password

  house.permissions.granted[1].clear();
  REQUIRE(recheck_pages(house.layer, "permissions-table-1"));
  REQUIRE(remove_users_from_permission_group(house.layer, "permissions-dashboard-5", {1}));
  house.executor.run_all();
  CHECK(ann->heard() ==
        R"({"type":"page_discard","page":"table","parameters":{"table_id":1}}
{"type":"page_discard","page":"row","parameters":{"table_id":1,"row_id":10}}
{"type":"page_discard","page":"dashboard","parameters":{"dashboard_id":5}})");
  CHECK(house.layer.stats().groups == 2);  // users, and the view that ann may see as a member
}

TEST_CASE("a broadcast to a permission reaches the users that the check accepts", "[page][BT-4]") {
  Workspace house;
  const auto permitted = [&](const std::string& operation) {
    std::vector<UserId> users;
    for (const auto& [user, operations] : house.permissions.granted) {
      if (operations.contains(operation)) users.emplace_back(user);
    }
    return users;
  };
  auto ann = Browser::in(house, "user=1"), bob = Browser::in(house, "user=2"), cid = Browser::in(house, "user=3");
  REQUIRE(broadcast_to_users(house.layer, permitted("database.table.listen_to_all"), json::Text("1")));
  REQUIRE(broadcast_to_users(house.layer, permitted("database.table.read_row"), json::Text("2")));
  REQUIRE(broadcast_to_users(house.layer, permitted("nothing"), json::Text("3")));
  house.executor.run_all();
  CHECK(ann->heard() == "1\n2");
  CHECK(bob->heard() == "1");
  CHECK(cid->heard() == "");
}
