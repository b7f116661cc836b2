// SPDX-License-Identifier: MIT
// Optional messages beyond Baserow's, and that a client without `accepts` receives the same bytes as before.
#include <chrono>
#include <stdexcept>
#include <string>

#include "page/house.hpp"
#include "support/catch.hpp"

using namespace page_test;

namespace {

std::string greeting(House& house, const std::string& query) {
  Browser browser(house, query);
  REQUIRE(browser.client.connect());
  return browser.heard();
}

}  // namespace

TEST_CASE("a client that lists what it accepts receives what it gets and its ping interval", "[page][CC-1]") {
  House house;
  CHECK(greeting(house, "user=7&socket=s") == R"({"type":"authentication","success":true,"web_socket_id":"s"})");
  CHECK(greeting(house, "user=7&socket=s&accepts=revoked,ping,gaps,page_error") ==
        R"({"type":"authentication","success":true,"web_socket_id":"s",)"
        R"("features":["ping","page_error","gaps","revoked"],"heartbeat":20})");
  CHECK(greeting(house, "user=7&socket=s&accepts=places,,gaps,PING") ==
        R"({"type":"authentication","success":true,"web_socket_id":"s","features":["gaps"],"heartbeat":null})");
  CHECK(greeting(house, "socket=s&accepts=ping") ==
        R"({"type":"authentication","success":false,"web_socket_id":"s","features":["ping"],"heartbeat":20})"
        "\nclose 1000");
  CHECK(greeting(house, "user=7&accepts=%2Cping%2C").find(R"("features":["ping"])") != std::string::npos);
}

TEST_CASE("the server chooses the heartbeat", "[page]") {
  House house({.heartbeat = std::chrono::seconds(5)});
  CHECK(greeting(house, "user=7&accepts=ping").ends_with(R"("heartbeat":5})"));
  CHECK_THROWS_AS(CoreConsumer(house.registry, {.heartbeat = std::chrono::seconds(0)}), std::invalid_argument);
}

TEST_CASE("a ping message is answered for clients that asked for it", "[page][CC-16]") {
  House house({.strict = true});
  auto ann = Browser::in(house, "user=7&accepts=ping");
  CHECK(ann->ask(R"({"type":"ping"})") == R"({"type":"pong"})");
  CHECK(ann->ask(R"({"type":"ping","n":1})") == R"({"type":"pong"})");
  CHECK(house.registry->stats().ignored == 0);

  auto bob = Browser::in(house, "user=7");
  CHECK(bob->ask(R"({"type":"ping"})") == "close 1008 not a request for a page");
}

TEST_CASE("a message with a type of its own is no subscription", "[page][CC-16]") {
  House house;
  auto ann = Browser::in(house, "user=7");
  for (const auto* frame : {R"({"type":"presence.focus","page":"table","table_id":1,"row_id":5})",
                            R"({"type":"presence.focus","remove_page":"table","table_id":1})",
                            R"({"page":"nope","type":"x"})", R"({"type":"ping","page":"table","table_id":1})"}) {
    CHECK(ann->ask(frame) == "");
  }
  CHECK(house.table->asked == 0);
  CHECK(house.registry->stats().ignored == 4);
  // What is no text, or an empty one, is no type.
  CHECK(ann->ask(R"({"type":null,"page":"table","table_id":1})") != "");
  CHECK(ann->ask(R"({"type":7,"page":"table","table_id":1})") != "");
  CHECK(ann->ask(R"({"type":"","page":"table","table_id":1})") != "");
}

TEST_CASE("a page type may have a parameter that is called type", "[page][CC-9]") {
  struct Typed final : PageType {
    Typed() : PageType("typed", {{.name = "type", .kind = ParameterKind::text}}) {}
    Task<bool> can_add(const Scope&, const PageParameters&) override { return true; }
    std::string group_name(const PageParameters& page) const override { return std::string(*page.text("type")); }
  };
  House house;
  REQUIRE(house.registry->add(std::make_shared<Typed>()));
  auto ann = Browser::in(house, "user=7&accepts=ping");
  CHECK(ann->ask(R"({"page":"typed","type":"ping"})") ==
        R"({"type":"page_add","page":"typed","parameters":{"type":"ping"}})");
  CHECK(ann->ask(R"({"remove_page":"typed","type":"ping"})") ==
        R"({"type":"page_discard","page":"typed","parameters":{"type":"ping"}})");
}

TEST_CASE("a client that asked for page errors receives the reason of a refusal, others do not", "[page][CC-8]") {
  House house;
  auto ann = Browser::in(house, "user=7&accepts=page_error"), bob = Browser::in(house, "user=8");
  house.table->open = false;
  CHECK(ann->ask(R"({"page":"table","table_id":1})") ==
        R"({"type":"page_error","page":"table","parameters":{"table_id":1},"error":"refused"})");
  CHECK(bob->ask(R"({"page":"table","table_id":1})") == "");
}

TEST_CASE("a client that asked for it is notified of a gap of the layer, others are not", "[page]") {
  House house;
  auto ann = Browser::in(house, "user=7&accepts=gaps"), bob = Browser::in(house, "user=8");
  house.tell("users", R"({"type":"layer_up"})");
  CHECK(ann->heard() == R"({"type":"updates_missed"})");
  CHECK(bob->heard() == "");
}

TEST_CASE("a client that asked for it can distinguish an eviction from an answer", "[page][CC-27]") {
  House house;
  auto ann = Browser::in(house, "user=7&accepts=revoked");
  ann->ask(R"({"page":"table","table_id":"1"})");
  CHECK(ann->ask(R"({"remove_page":"table","table_id":2})") ==
        R"({"type":"page_discard","page":"table","parameters":{"table_id":2}})");
  REQUIRE(remove_users_from_permission_group(house.layer, "permissions-table-1", {7}));
  house.executor.run_all();
  CHECK(ann->heard() == R"({"type":"page_discard","page":"table","parameters":{"table_id":"1"},"revoked":true})");
}

TEST_CASE("a handshake is accepted with the subprotocol that a middleware chose", "[page]") {
  struct Choosing final : Middleware {
    Task<Verdict> handle(Scope& scope) override {
      scope.set_user(User(7));
      if (scope.offers_subprotocol("jwt")) scope.put(ChosenSubprotocol{"jwt"});
      return Verdict::pass();
    }
  };
  House house;
  auto served = with(std::make_shared<Choosing>(), consumer<CoreConsumer>(house.registry));
  for (const bool offered : {true, false}) {
    testing::ClientRequest request{.target = "/"};
    if (offered) request.subprotocols = {"jwt", "eyJ"};
    testing::Communicator client(house.executor, served, house.layer, request);
    const auto answer = client.connect();
    REQUIRE(answer.accepted);
    CHECK(answer.subprotocol == (offered ? "jwt" : ""));
  }
}

TEST_CASE("a parameter's name does not begin with an underscore", "[page]") {
  struct Odd final : PageType {
    explicit Odd(std::string name) : PageType("odd", {{.name = std::move(name)}}) {}
    Task<bool> can_add(const Scope&, const PageParameters&) override { return true; }
    std::string group_name(const PageParameters&) const override { return "odd"; }
  };
  CHECK_THROWS_AS(Odd("_at"), std::invalid_argument);
  CHECK_NOTHROW(Odd("at_"));
}
