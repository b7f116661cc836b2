// SPDX-License-Identifier: MIT
#include "sluice/page/core_consumer.hpp"

#include <algorithm>
#include <string>

#include "page/house.hpp"
#include "support/catch.hpp"

using namespace page_test;

// --- connect

TEST_CASE("the first message reports whether the client is authenticated", "[page][CC-1][CC-3]") {
  const auto heard = [](std::string_view who) {
    House house;
    Browser browser(house, who);
    REQUIRE(browser.client.connect());
    return browser.heard();
  };
  CHECK(heard("user=7&socket=a") == R"({"type":"authentication","success":true,"web_socket_id":"a"})");
  CHECK(heard("user=ada&socket=a") == R"({"type":"authentication","success":true,"web_socket_id":"a"})");
  CHECK(heard("user=anonymous&socket=a") == R"({"type":"authentication","success":true,"web_socket_id":"a"})");
  CHECK(heard("user=7") == R"({"type":"authentication","success":true,"web_socket_id":null})");
  CHECK(heard("") == R"({"type":"authentication","success":false,"web_socket_id":null})"
                     "\nclose 1000");
  CHECK(heard("socket=a") == R"({"type":"authentication","success":false,"web_socket_id":"a"})"
                             "\nclose 1000");
}

TEST_CASE("authenticated clients join the group users, also anonymous ones; others do not", "[page][CC-2][CC-3]") {
  House house;
  Browser ann(house, "user=7"), visitor(house, "user=anonymous"), stranger(house, "");
  REQUIRE(ann.client.connect());
  REQUIRE(visitor.client.connect());
  CHECK(house.layer.take_transcript() == "open_channel\ngroup_add users\nopen_channel\ngroup_add users");
  REQUIRE(stranger.client.connect());
  CHECK_THAT(house.layer.take_transcript(), !Catch::Matchers::ContainsSubstring("group_add"));
  CHECK(house.members("users") == 2);
}

TEST_CASE("the group users is joined before the client is notified", "[page][CC-2]") {
  House house;
  Browser browser(house, "user=7&socket=a");
  house.layer.after("group_add users", [&] { CHECK(broadcast_to_all_users(house.layer, json::Text("\"welcome\""))); });
  REQUIRE(browser.client.connect());
  CHECK(browser.heard() == R"({"type":"authentication","success":true,"web_socket_id":"a"})"
                           "\n\"welcome\"");
}

TEST_CASE("frames after a failed authentication are ignored", "[page][CC-4]") {
  House house;
  Browser stranger(house, "");
  REQUIRE(stranger.client.connect());
  stranger.heard();
  house.layer.take_transcript();
  CHECK(stranger.ask(R"({"page":"table","table_id":1})") == "");
  CHECK(house.table->asked == 0);
  CHECK(house.layer.take_transcript() == "");
}

TEST_CASE("a client that can't join users is refused in the handshake, so that it doesn't come back at once",
          "[page][CC-2][FE-9]") {
  House house;
  house.layer.fail("group_add users");
  Browser browser(house, "user=7");
  const auto opened = browser.client.connect();
  CHECK(!opened.accepted);
  CHECK(opened.http_status == 503);
  CHECK(house.log.text().find("layer_unavailable") != std::string::npos);
}

TEST_CASE("a consumer needs a registry", "[page]") { CHECK_THROWS_AS(CoreConsumer(nullptr), std::invalid_argument); }

TEST_CASE("a client that leaves is in no group any more", "[page][CC-5]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"table","table_id":1})");
  ann->ask(R"({"page":"row","table_id":1,"row_id":2})");
  ann->ask(R"({"page":"view","slug":"s"})");
  CHECK(house.layer.stats().groups == 5);
  ann->client.disconnect();
  CHECK(ann->heard() == "");
  CHECK(house.layer.stats().groups == 0);
  CHECK(house.layer.stats().channels == 0);
  CHECK(ann->client.finished());
}

// --- subscribe

TEST_CASE("a page is joined in this order: permissions, its group, can_add, the answer", "[page][CC-6]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  house.layer.take_transcript();
  CHECK(ann->ask(R"({"page":"table","table_id":1})") ==
        R"({"type":"page_add","page":"table","parameters":{"table_id":1}})");
  CHECK(house.layer.take_transcript() == "group_add permissions-table-1\ngroup_add table-1");

  house.table->decision.emplace();
  const auto decision = *house.table->decision;
  CHECK(ann->ask(R"({"page":"table","table_id":2})") == "");
  CHECK(house.layer.take_transcript() == "group_add permissions-table-2\ngroup_add table-2");
  decision.resolve(true);
  house.executor.run_all();
  CHECK(house.layer.take_transcript() == "");
  CHECK(ann->heard() == R"({"type":"page_add","page":"table","parameters":{"table_id":2}})");
}

TEST_CASE("a page without a permission group joins one group only", "[page][CC-6]") {
  House house;
  auto ann = Browser::in(house, "user=anonymous");
  house.layer.take_transcript();
  CHECK(ann->ask(R"({"page":"view","slug":"s","token":null})") ==
        R"({"type":"page_add","page":"view","parameters":{"slug":"s","token":null}})");
  CHECK(house.layer.take_transcript() == "group_add view-s");
}

TEST_CASE("a subscription to an unknown page type gets no answer", "[page][CC-7]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  house.layer.take_transcript();
  for (const auto* frame : {R"({"page":"nope","table_id":1})", R"({"page":""})", R"({"page":null})", R"({"page":1})",
                            R"({"page":"TABLE","table_id":1})", R"({"page":"table ","table_id":1})"}) {
    CHECK(ann->ask(frame) == "");
  }
  CHECK(house.layer.take_transcript() == "");
  CHECK(house.registry->stats().unknown_type == 4);
  CHECK(house.registry->stats().ignored == 2);
}

TEST_CASE("the first unknown page type is logged on one line, with the registered types", "[page]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"no\npe"})");
  ann->ask(R"({"page":"nope"})");
  CHECK(house.log.text() ==
        R"("/ws/core/": a client asked for the page type "no\npe"; there are: row, table, view (said once))"
        "\n");
}

TEST_CASE("a page that can_add() refuses gets no answer, and its groups are left", "[page][CC-8]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  house.layer.take_transcript();
  house.table->open = false;
  CHECK(ann->ask(R"({"page":"table","table_id":1})") == "");
  CHECK(house.layer.take_transcript() ==
        "group_add permissions-table-1\ngroup_add table-1\n"
        "group_discard table-1\ngroup_discard permissions-table-1");
  CHECK(house.registry->stats().refused == 1);
  CHECK(house.members("table-1") == 0);
}

TEST_CASE("a refusal leaves no permission group that another page needs", "[page][CC-8][CC-20]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"row","table_id":1,"row_id":2})");
  house.table->open = false;
  ann->ask(R"({"page":"table","table_id":1})");
  CHECK(house.members("permissions-table-1") == 1);
}

TEST_CASE("missing parameters are null, so a table without an id is refused; more keys are dropped", "[page][CC-9]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  CHECK(ann->ask(R"({"page":"table"})") == "");
  CHECK(house.table->asked == 0);
  CHECK(ann->ask(R"({"page":"view","slug":"s","extra":[1]})") ==
        R"({"type":"page_add","page":"view","parameters":{"slug":"s","token":null}})");
}

TEST_CASE("a repeated subscription is confirmed again, and its broadcasts are received once", "[page][CC-10]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  const std::string confirmation = R"({"type":"page_add","page":"table","parameters":{"table_id":1}})";
  CHECK(ann->ask(R"({"page":"table","table_id":1})") == confirmation);
  CHECK(ann->ask(R"({"page":"table","table_id":1})") == confirmation);
  REQUIRE(house.table->broadcast(house.layer, TableParams{1}, json::Text("1")));
  house.executor.run_all();
  CHECK(ann->heard() == "1");
  ann->ask(R"({"remove_page":"table","table_id":1})");
  CHECK(house.members("table-1") == 0);
}

TEST_CASE("a repeated subscription that is refused revokes the page", "[page][CC-10][PT-8]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"table","table_id":1})");
  house.table->open = false;
  CHECK(ann->ask(R"({"page":"table","table_id":"1"})") ==
        R"({"type":"page_discard","page":"table","parameters":{"table_id":1}})");
  CHECK(house.layer.stats().groups == 1);
}

TEST_CASE("the answer repeats the parameters as they were received", "[page][CC-12]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  CHECK(ann->ask(R"({"page":"table","table_id":"1"})") ==
        R"({"type":"page_add","page":"table","parameters":{"table_id":"1"}})");
  CHECK(ann->ask(R"({"page":"table","table_id":1.0})") ==
        R"({"type":"page_add","page":"table","parameters":{"table_id":1.0}})");
  CHECK(ann->ask(R"({"page":"view","slug":"s","token":"secret \" é"})") ==
        R"({"type":"page_add","page":"view","parameters":{"slug":"s","token":"secret \" é"}})");
}

TEST_CASE("ids that mean the same are one page in one group, the others are refused", "[page][CC-13]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  house.layer.take_transcript();
  for (const auto* id : {"1", "\"1\"", "1.0", "1e0"}) {
    CHECK(ann->ask(R"({"page":"table","table_id":)" + std::string(id) + "}").starts_with(R"({"type":"page_add")"));
  }
  for (const auto* id : {"true", "\"01\"", "\"a b\"", "1.5", "[]", "{}", "null", "18446744073709551616"}) {
    CHECK(ann->ask(R"({"page":"table","table_id":)" + std::string(id) + "}") == "");
  }
  CHECK(house.layer.stats().groups == 3);
  REQUIRE(house.table->broadcast(house.layer, TableParams{1}, json::Text("1")));
  house.executor.run_all();
  CHECK(ann->heard() == "1");
  CHECK(ann->ask(R"({"remove_page":"table","table_id":"1"})") ==
        R"({"type":"page_discard","page":"table","parameters":{"table_id":"1"}})");
  CHECK(house.layer.stats().groups == 1);
  ann->client.disconnect();
  CHECK(house.layer.stats().groups == 0);
}

TEST_CASE("a group_name() that throws or returns an invalid name is a refusal, and the consumer continues",
          "[page][CC-14][CC-15]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  CHECK(ann->ask(R"({"page":"table","table_id":14})") == "");
  CHECK(ann->ask(R"({"page":"table","table_id":15})") == "");
  CHECK(ann->ask(R"({"page":"view","slug":"a b"})") == "");
  CHECK(house.registry->stats().failed == 3);
  CHECK(house.registry->stats().refused == 3);
  CHECK(house.log.text() ==
        "page \"table\": a group's name threw: no name for this one\n"
        "page \"table\": group_name returned \"table 15\": a group's name is 1 to 99 characters of A-Z a-z 0-9 _ . -\n"
        "page \"view\": group_name returned \"view-a b\": a group's name is 1 to 99 characters of A-Z a-z 0-9 _ . -\n");
  CHECK(house.layer.stats().groups == 1);
  CHECK(ann->ask(R"({"page":"table","table_id":1})").starts_with(R"({"type":"page_add")"));
}

TEST_CASE("a client that causes many failures does not flood the log", "[page][CC-14]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  for (int i = 0; i < 1000; ++i) ann->ask(R"({"page":"view","slug":"a b"})");
  CHECK(house.log.size() == 10);
  house.log.clear();
  house.executor.advance(std::chrono::seconds(10));
  ann->ask(R"({"page":"table","table_id":13})");
  CHECK(house.log.text() == "page \"table\": can_add threw: the database is on fire (990 more before, of any page)\n");
  CHECK(house.registry->stats().failed == 1001);
}

TEST_CASE("an invalid permission group is a refusal before can_add() is called", "[page][CC-14]") {
  struct Misnamed final : PageType {
    Misnamed() : PageType("misnamed", {}) {}
    Task<bool> can_add(const Scope&, const PageParameters&) override { throw std::logic_error("it was asked"); }
    std::string group_name(const PageParameters&) const override { return "fine"; }
    std::string permission_group_name(const PageParameters&) const override { return "not fine"; }
  };
  House house;
  REQUIRE(house.registry->add(std::make_shared<Misnamed>()));
  auto ann = Browser::in(house, "user=7");
  house.layer.take_transcript();
  CHECK(ann->ask(R"({"page":"misnamed"})") == "");
  CHECK(house.layer.take_transcript() == "");
  CHECK(
      house.log.text() ==
      "page \"misnamed\": permission_group_name returned \"not fine\": a group's name is 1 to 99 characters of A-Z a-z "
      "0-9 _ . -\n");
}

TEST_CASE("a connection has as many pages as the limit says", "[page][CC-11]") {
  HostOptions options;
  options.limits.pages_per_connection = 2;
  House house({}, options);
  auto ann = Browser::in(house, "user=7");
  CHECK(ann->ask(R"({"page":"table","table_id":1})") != "");
  CHECK(ann->ask(R"({"page":"table","table_id":2})") != "");
  CHECK(ann->ask(R"({"page":"table","table_id":3})") == "");
  CHECK(house.table->asked == 2);
  CHECK(ann->ask(R"({"page":"table","table_id":"2"})") != "");  // it has this one
  CHECK(ann->ask(R"({"remove_page":"table","table_id":1})") != "");
  CHECK(ann->ask(R"({"page":"table","table_id":3})") != "");
}

TEST_CASE("a connection's pages take as many bytes as the limit says", "[page][CC-11]") {
  HostOptions options;
  options.limits.page_bytes_per_connection = 60'000;
  House house({}, options);
  auto ann = Browser::in(house, "user=7");
  const auto view = [](char name, std::size_t bytes) {
    return R"("view","slug":"v","token":")" + std::string(bytes, name) + "\"}";
  };
  CHECK(ann->ask(R"({"page":)" + view('a', 8'000)) != "");  // it is kept five times, or nearly
  CHECK(ann->ask(R"({"page":)" + view('b', 8'000)) == "");
  CHECK(house.host.stats().limits_met == 1);
  CHECK(ann->ask(R"({"page":)" + view('b', 800)) != "");
  CHECK(ann->ask(R"({"page":)" + view('a', 8'000)) != "");  // it has this one
  CHECK(ann->ask(R"({"remove_page":)" + view('a', 8'000)) != "");
  CHECK(ann->ask(R"({"page":)" + view('b', 8'000)) != "");
}

TEST_CASE("pages of all connections are bounded together, and the largest connection is closed first",
          "[page][CC-11]") {
  HostOptions options;
  options.limits.server_held_bytes = 1024 * 1024;
  House house({}, options);
  const auto view = [](int number, std::size_t bytes) {
    return R"({"page":"view","slug":"v","token":")" + std::to_string(number) + std::string(bytes, 't') + "\"}";
  };
  auto ann = Browser::in(house, "user=7");
  auto greedy = Browser::in(house, "user=7");
  for (int page = 0; page < 10; ++page) REQUIRE(ann->ask(view(page, 10)) != "");
  CHECK(house.host.stats().held_bytes > 10'000);
  int pages = 0;
  while (house.host.stats().shed_consumers == 0 && pages < 1000) (void)greedy->ask(view(pages++, 8'000));
  CHECK(pages > 10);
  CHECK(pages < 100);
  CHECK(house.host.stats().held_bytes < 20'000);
  CHECK(house.host.stats().shed_consumers == 1);
  CHECK(ann->ask(view(10, 10)) != "");
  greedy.reset();
  CHECK(ann->ask(R"({"remove_page":"view","slug":"v","token":"0tttttttttt"})") != "");
  ann.reset();
  house.executor.run_all();
  CHECK(house.host.stats().held_bytes == 0);
}

// --- what is no request

TEST_CASE("JSON that is no request is ignored", "[page][CC-16][CC-17]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  house.layer.take_transcript();
  for (const auto* frame :
       {"[]", "\"hello\"", "[\"page\"]", "\"my page\"", "1", "null", "true", "{}", R"({"page":[]})", R"({"page":{}})",
        R"({"page_remove":"table","table_id":1})", R"({"type":"page_add"})", R"({"page":true,"remove_page":false})",
        R"({"page":"table","table_id":123456789012345678901234567890})", R"({"remove_page":null})"}) {
    CHECK(ann->ask(frame) == "");
  }
  CHECK(house.layer.take_transcript() == "");
  CHECK(ann->ask(R"({"page":"table","table_id":1})") != "");
}

TEST_CASE("in strict mode JSON that is no request closes with 1008", "[page][CC-16]") {
  for (const auto* frame : {"[]", "\"my page\"", "null", "{}", R"({"page":[]})", R"({"page":null})",
                            R"({"remove_page":1})", R"({"page":1,"remove_page":"table","table_id":1})"}) {
    House house({.strict = true});
    auto ann = Browser::in(house, "user=7");
    CHECK(ann->ask(frame) == "close 1008 not a request for a page");
    CHECK(house.layer.stats().groups == 0);
  }
  House house({.strict = true});
  auto ann = Browser::in(house, "user=7");
  CHECK(ann->ask(R"({"page":"nope"})") == "");
  CHECK(ann->ask(R"({"page":"table","table_id":99999999999999999999})") == "");
  CHECK(ann->ask(R"({"page":"table","table_id":1})") != "");
}

TEST_CASE("a frame that is no JSON closes the connection, and leaves nothing behind", "[page][LC-18]") {
  House house;
  auto ann = Browser::in(house, "user=7"), bob = Browser::in(house, "user=8");
  ann->ask(R"({"page":"table","table_id":1})");
  CHECK(ann->ask("{oops").starts_with("close 1007"));
  bob->client.say_binary("{}");
  CHECK(bob->heard().starts_with("close 1003"));
  CHECK(house.layer.stats().groups == 0);
}

TEST_CASE("one frame may subscribe and then unsubscribe, from the same parameters", "[page][CC-17]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  house.layer.take_transcript();
  CHECK(ann->ask(R"({"remove_page":"table","page":"row","table_id":1,"row_id":2})") ==
        R"({"type":"page_add","page":"row","parameters":{"table_id":1,"row_id":2}})"
        "\n"
        R"({"type":"page_discard","page":"table","parameters":{"table_id":1}})");
  CHECK(ann->ask(R"({"page":"table","remove_page":"table","table_id":1})") ==
        R"({"type":"page_add","page":"table","parameters":{"table_id":1}})"
        "\n"
        R"({"type":"page_discard","page":"table","parameters":{"table_id":1}})");
  CHECK(house.members("table-1") == 0);
  CHECK(house.members("table-1-row-2") == 1);
}

TEST_CASE("a refused subscription carries its reason for clients that asked for it", "[page][CC-7][CC-8]") {
  HostOptions options;
  options.limits.pages_per_connection = 1;
  House house({.page_errors = true}, options);
  auto ann = Browser::in(house, "user=7");
  house.table->open = false;
  CHECK(ann->ask(R"({"page":"table","table_id":"1"})") ==
        R"({"type":"page_error","page":"table","parameters":{"table_id":"1"},"error":"refused"})");
  CHECK(ann->ask(R"({"page":"table","table_id":14})") ==
        R"({"type":"page_error","page":"table","parameters":{"table_id":14},"error":"refused"})");
  CHECK(ann->ask(R"({"page":"table"})") ==
        R"({"type":"page_error","page":"table","parameters":{"table_id":null},"error":"invalid_argument"})");
  CHECK(ann->ask(R"({"page":"nope","table_id":1})") ==
        R"({"type":"page_error","page":"nope","parameters":{},"error":"unknown_page_type"})");
  CHECK(ann->ask(R"({"page":1})") == "");
  CHECK(ann->ask(R"({"page":"view","slug":"s"})") != "");
  CHECK(ann->ask(R"({"page":"view","slug":"t"})") ==
        R"({"type":"page_error","page":"view","parameters":{"slug":"t","token":null},"error":"limit_exceeded"})");
  CHECK(house.host.stats().limits_met == 1);
}

TEST_CASE("its messages can be written as Python writes them", "[page][LC-19]") {
  House house({.style = json::Style::python});
  Browser ann(house, "user=7&socket=a");
  REQUIRE(ann.client.connect());
  CHECK(ann.heard() == R"({"type": "authentication", "success": true, "web_socket_id": "a"})");
  CHECK(ann.ask(R"({"page":"view","slug":"é"})") == "");
  CHECK(ann.ask(R"({"page":"view","slug":"s","token":"é"})") ==
        R"({"type": "page_add", "page": "view", "parameters": {"slug": "s", "token": "\u00e9"}})");
  CHECK(ann.ask(R"({"remove_page":"view","slug":"s","token":"é"})") ==
        R"({"type": "page_discard", "page": "view", "parameters": {"slug": "s", "token": "\u00e9"}})");
  house.tell("users", R"({"type":"force_disconnect_users","user_ids":[7],"ignore_web_socket_ids":null})");
  CHECK(ann.heard() == "{\"type\": \"force_disconnect\"}\nclose 1000");
}

// --- unsubscribe

TEST_CASE("a page is left in this order: its group, its permissions, the answer", "[page][CC-18]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"table","table_id":1})");
  house.layer.take_transcript();
  CHECK(ann->ask(R"({"remove_page":"table","table_id":1})") ==
        R"({"type":"page_discard","page":"table","parameters":{"table_id":1}})");
  CHECK(house.layer.take_transcript() == "group_discard table-1\ngroup_discard permissions-table-1");
  REQUIRE(house.table->broadcast(house.layer, TableParams{1}, json::Text("1")));
  house.executor.run_all();
  CHECK(ann->heard() == "");
}

TEST_CASE("unsubscribing a page that was never subscribed is confirmed", "[page][CC-19]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  house.table->open = false;
  house.layer.take_transcript();
  CHECK(ann->ask(R"({"remove_page":"table","table_id":9})") ==
        R"({"type":"page_discard","page":"table","parameters":{"table_id":9}})");
  CHECK(ann->ask(R"({"remove_page":"table"})") ==
        R"({"type":"page_discard","page":"table","parameters":{"table_id":null}})");
  CHECK(ann->ask(R"({"remove_page":"table","table_id":[{"a":1}]})") ==
        R"({"type":"page_discard","page":"table","parameters":{"table_id":[{"a":1}]}})");
  CHECK(ann->ask(R"({"remove_page":"nope","table_id":9})") == "");
  CHECK(ann->ask(R"({"remove_page":7})") == "");
  CHECK(house.layer.take_transcript() == "");
}

TEST_CASE("the permission group that pages share is left with the last of them", "[page][CC-20]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  const auto members = [&] {
    std::string counts;
    for (const auto* group : {"table-1", "table-1-row-2", "permissions-table-1"}) {
      counts += std::to_string(house.members(group));
    }
    return counts;
  };
  ann->ask(R"({"page":"table","table_id":1})");
  CHECK(members() == "101");
  ann->ask(R"({"page":"row","table_id":1,"row_id":2})");
  CHECK(members() == "111");
  ann->ask(R"({"remove_page":"table","table_id":1})");
  CHECK(members() == "011");
  ann->ask(R"({"remove_page":"row","table_id":1,"row_id":2})");
  CHECK(members() == "000");
}

TEST_CASE("two pages of one group receive broadcasts until both are left", "[page][CC-18]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"view","slug":"s","token":"old"})");
  ann->ask(R"({"page":"view","slug":"s","token":"new"})");
  ann->ask(R"({"remove_page":"view","slug":"s","token":"old"})");
  house.tell("view-s", R"({"type":"broadcast_to_group","payload":1})");
  CHECK(ann->heard() == "1");
  ann->ask(R"({"remove_page":"view","slug":"s","token":"new"})");
  CHECK(house.members("view-s") == 0);
}

TEST_CASE("a page can't have the group of all users, neither as its own nor for its permissions", "[page][CC-14]") {
  struct Everyone final : PageType {
    explicit Everyone(bool by_permission)
        : PageType(by_permission ? "by permission" : "by group", {}), by_permission_(by_permission) {}
    Task<bool> can_add(const Scope&, const PageParameters&) override { return true; }
    std::string group_name(const PageParameters&) const override { return by_permission_ ? "fine" : "users"; }
    std::string permission_group_name(const PageParameters&) const override { return by_permission_ ? "users" : ""; }
    bool by_permission_;
  };
  House house;
  REQUIRE(house.registry->add(std::make_shared<Everyone>(false)));
  REQUIRE(house.registry->add(std::make_shared<Everyone>(true)));
  auto ann = Browser::in(house, "user=7");
  CHECK(ann->ask(R"({"page":"by group"})") == "");
  CHECK(ann->ask(R"({"page":"by permission"})") == "");
  CHECK(house.log.text() ==
        "page \"by group\": \"users\" is the group of all users, and no page's\n"
        "page \"by permission\": \"users\" is the group of all users, and no page's\n");
  CHECK(house.members("users") == 1);

  const Everyone page(false);
  const auto one = page.broadcast(house.layer, PageParameters{}, json::Text("1"));
  REQUIRE_FALSE(one);
  CHECK(one.error().code() == ErrorCode::invalid_name);
  const auto many = page.broadcast_many(house.layer, {{PageParameters{}, json::Text("2")}});
  REQUIRE_FALSE(many);
  CHECK(many.error().code() == ErrorCode::invalid_name);
  CHECK(ann->heard() == "");
}

TEST_CASE("a page that can't be left ends the connection", "[page][CC-18]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"table","table_id":1})");
  house.layer.fail("group_discard table-1");
  CHECK(ann->ask(R"({"remove_page":"table","table_id":1})") == "close 1011 a page could not be left");
  CHECK(house.layer.stats().groups == 0);
}

// --- the type goes, the connection goes

TEST_CASE("an unregistered page type cannot be subscribed, but its pages can still be revoked", "[page][CC-21]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"table","table_id":1})");
  ann->ask(R"({"page":"row","table_id":1,"row_id":2})");
  REQUIRE(house.registry->remove(*house.table));
  CHECK(ann->ask(R"({"page":"table","table_id":1})") == "");
  CHECK(ann->ask(R"({"remove_page":"table","table_id":1})") == "");
  REQUIRE(remove_users_from_permission_group(house.layer, "permissions-table-1", {7}));
  house.executor.run_all();
  CHECK(ann->heard() == R"({"type":"page_discard","page":"row","parameters":{"table_id":1,"row_id":2}})");
  CHECK(house.layer.stats().groups == 1);
}

namespace {
class MovedTablePage final : public Page<TableParams> {
 public:
  MovedTablePage() : Page("table") {}
  Task<bool> can_add(const Scope&, const TableParams&) override { return true; }
  std::string group_name(const TableParams& page) const override { return "moved-" + std::to_string(page.table_id); }
  std::string permission_group_name(const TableParams&) const override { return "permissions-moved"; }
};
}  // namespace

TEST_CASE("a repeated subscription with another group is in that group only", "[page][CC-10][CC-21]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"table","table_id":1})");
  REQUIRE(house.registry->remove(*house.table));
  REQUIRE(house.registry->add(std::make_shared<MovedTablePage>()));
  CHECK(ann->ask(R"({"page":"table","table_id":1})") ==
        R"({"type":"page_add","page":"table","parameters":{"table_id":1}})");
  CHECK(house.layer.stats().groups == 3);  // users, the page's and its permissions
  for (const char* group : {"table-1", "moved-1"}) REQUIRE(broadcast_to_channel_group(house.layer, group, group));
  house.executor.run_all();
  CHECK(ann->heard() == R"("moved-1")");
  CHECK(ann->ask(R"({"remove_page":"table","table_id":1})") ==
        R"({"type":"page_discard","page":"table","parameters":{"table_id":1}})");
  CHECK(house.layer.stats().groups == 1);
}

TEST_CASE("a client that leaves during can_add() leaves nothing behind", "[page][CC-5][CC-14]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  house.table->decision.emplace();
  const auto decision = *house.table->decision;
  ann->ask(R"({"page":"table","table_id":1})");
  ann->client.vanish();
  house.executor.run_all();
  decision.resolve(true);
  house.executor.run_all();
  CHECK(house.layer.stats().groups == 0);
  CHECK(ann->client.finished());
  CHECK(house.registry->stats().added == 0);
  CHECK(house.registry->stats().failed == 0);
  CHECK(house.log.text() == "");
}

TEST_CASE("a client that leaves in the middle of a frame with two requests leaves nothing behind", "[page][CC-17]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  ann->ask(R"({"page":"row","table_id":1,"row_id":2})");
  house.table->decision.emplace();
  const auto decision = *house.table->decision;
  ann->ask(R"({"page":"table","remove_page":"row","table_id":1,"row_id":2})");
  ann->client.disconnect();
  decision.resolve(true);
  house.executor.run_all();
  CHECK(house.layer.stats().groups == 0);
  CHECK(ann->client.finished());
  CHECK(ann->heard() == "");
  CHECK(house.log.text() == "");
}

TEST_CASE("two connections have their own pages", "[page][SC-2]") {
  House house;
  auto ann = Browser::in(house, "user=7"), bob = Browser::in(house, "user=8");
  ann->ask(R"({"page":"table","table_id":1})");
  bob->ask(R"({"page":"table","table_id":2})");
  house.tell("table-1", R"({"type":"broadcast_to_group","payload":1})");
  house.tell("table-2", R"({"type":"broadcast_to_group","payload":2})");
  CHECK(ann->heard() == "1");
  CHECK(bob->heard() == "2");
}
