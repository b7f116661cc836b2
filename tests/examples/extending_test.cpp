// SPDX-License-Identifier: MIT
// The blocks of docs/extending.md, in their order, as a program that runs.
#include "shown_in_extending.cpp"

#include "sluice/core/completion.hpp"
#include "sluice/testing/communicator.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using testing::Communicator;
using testing::ManualExecutor;

namespace {

/// Sends its user, joins the group "news", and echoes what it receives.
class Greeter final : public Consumer {
 public:
  Task<> connect() override {
    const auto joined = co_await group_add("news");
    if (!joined) co_return deny(Denial(503));
    accept();
    send_text(scope().user() ? "hello " + scope().user()->name() : "hello");
  }
  Task<> receive(const Message& message) override {
    if (message.data() == "bye") {
      close();
    } else {
      send_text(std::string(message.data()) + "!");
    }
    return {};
  }
};

HttpResponse answer(ManualExecutor& executor, HttpHandler& handler, const HttpRequest& request) {
  return executor.run([&] { return handler.handle(request); });
}

HttpRequest request(std::string method, std::string path, std::string body = {}) {
  RequestInfo info;
  info.path = std::move(path);
  return HttpRequest(std::move(method), std::move(info), std::move(body));
}

}  // namespace

TEST_CASE("docs/extending.md: the page type asks who may subscribe", "[examples]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  auto pages = std::make_shared<PageRegistry>();
  auto boards = std::make_shared<BoardPage>();
  REQUIRE(pages->add(boards));
  auto application = with(std::make_shared<ApiKeys>(), consumer<CoreConsumer>(pages));
  Communicator robot(executor, application, layer, {.headers = {{"x-api-key", "key of the robot"}}});
  REQUIRE(robot.connect());
  CHECK(robot.hear().find("authentication") != std::string::npos);
  robot.say(R"({"page":"board","board_id":7})");
  CHECK(robot.hear().find("page_add") != std::string::npos);
  robot.say(R"({"page":"board","board_id":100})");
  CHECK(robot.hear_nothing());
  REQUIRE(boards->broadcast(layer, BoardParams{7}, json::Text(R"({"type":"moved"})")));
  executor.run_all();
  CHECK(robot.hear() == R"({"type":"moved"})");
}

TEST_CASE("docs/extending.md: the token source finds the user, refuses or passes", "[examples]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  const auto application = with(std::make_shared<ApiKeys>(), consumer<Greeter>());
  Communicator robot(executor, application, layer, {.headers = {{"x-api-key", "key of the robot"}}});
  REQUIRE(robot.connect());
  CHECK(robot.hear() == "hello robot");
  Communicator nobody(executor, application, layer, {});
  REQUIRE(nobody.connect());
  CHECK(nobody.hear() == "hello");
  Communicator thief(executor, application, layer, {.headers = {{"x-api-key", "another key"}}});
  CHECK(thief.connect().http_status == 401);
}

TEST_CASE("docs/extending.md: the HTTP routes answer and publish", "[examples]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  Communicator reader(executor, consumer<Greeter>(), layer, {});
  REQUIRE(reader.connect());
  CHECK(reader.hear() == "hello");
  Routes routes(layer);
  CHECK(answer(executor, routes, request("GET", "/health")).body() == "ok\n");
  CHECK(answer(executor, routes, request("GET", "/other")).status() == 404);
  CHECK(answer(executor, routes, request("GET", "/publish")).status() == 405);
  CHECK(answer(executor, routes, request("POST", "/publish", "{")).status() == 400);
  CHECK(answer(executor, routes, request("POST", "/publish", R"({"n":1})")).status() == 202);
  executor.run_all();
  CHECK(reader.hear() == R"({"n":1})");
}

TEST_CASE("docs/extending.md: the transport opens, carries messages, and closes", "[examples]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  Host host(consumer<Greeter>(), layer);
  const auto pipe = std::make_shared<Pipe>(executor);
  executor.run([&] { pipe->open(host, "/"); });
  executor.run_all();
  REQUIRE(pipe->wants_messages());
  executor.run([&] { pipe->arrived("one"); });
  executor.run_all();
  executor.run([&] { pipe->arrived("bye"); });
  executor.run_all();
  CHECK(pipe->written == "open\nhello\none!\n");
  CHECK_FALSE(pipe->wants_messages());
  CHECK(host.stats().connections == 0);
}

TEST_CASE("docs/extending.md: the layer passes on, and logs what fails", "[examples]") {
  const test::LogCapture log;
  ManualExecutor executor;
  InMemoryChannelLayer behind(executor);
  LoggedLayer layer(behind);
  Communicator reader(executor, consumer<Greeter>(), layer, {});
  REQUIRE(reader.connect());
  CHECK(reader.hear() == "hello");
  CHECK(layer.group_send("news", Event::broadcast_to_group(json::Text("1"))));
  executor.run_all();
  CHECK(reader.hear() == "1");
  CHECK(log.size() == 0);
  CHECK_FALSE(layer.group_send("no name", Event::broadcast_to_group(json::Text("2"))));
  CHECK(log.size() == 1);
}

TEST_CASE("docs/extending.md: a layer on the null bus joins groups and reaches nobody", "[examples]") {
  ManualExecutor executor;
  const auto layer = make_null_layer(executor);
  Communicator reader(executor, consumer<Greeter>(), *layer, {});
  REQUIRE(reader.connect());
  CHECK(reader.hear() == "hello");
  CHECK(layer->group_send("news", Event::broadcast_to_group(json::Text("1"))));
  executor.run_all();
  CHECK(layer->stats().waiting_events == 0);
  CHECK(layer->stats().deliveries == 0);
}

TEST_CASE("docs/extending.md: the metrics are written beside the library's", "[examples]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  const std::string text = metrics_of(layer, {.boards = 5});
  for (const char* line : {"sluice_layer_sends_total 0\n", "shop_boards 5\n", "shop_carts 3\n"}) {
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("docs/extending.md: the observer logs slow handlers and no others", "[examples]") {
  class Waits : public Consumer {
   public:
    explicit Waits(Completion<int> gate) : gate_(std::move(gate)) {}
    Task<> receive(const Message&) override { co_await gate_; }

   private:
    Completion<int> gate_;
  };
  const test::LogCapture log;
  ManualExecutor executor;
  Completion<int> gate;
  Communicator browser(executor, consumer<Waits>(gate), {"/shop"}, watched());
  REQUIRE(browser.connect());
  browser.say("wait");
  CHECK(log.size() == 0);
  executor.advance(std::chrono::milliseconds(150));
  gate.resolve(1);
  executor.run_all();
  CHECK(log.text() == "receive was slow at \"/shop\"\n");
}
