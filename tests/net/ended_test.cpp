// SPDX-License-Identifier: MIT
// The end of a server, without a thread that waits for it.
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "net/support/served.hpp"
#include "sluice/core/block_on.hpp"
#include "sluice/core/completion.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

TEST_CASE("when_ended calls each of its callbacks once, on the first executor, behind the last connection", "[net]") {
  const LogCapture log;
  Served served({}, 2);
  BlockingClient client = served.enter("/here");
  std::promise<std::string> first, last, late;
  const auto state = [&] {
    return std::to_string(served.executors.at(0).runs_here()) + " " + std::to_string(served.server.stats().connections);
  };
  served.server.when_ended([&] { first.set_value(state()); });
  served.server.when_ended([] { throw std::runtime_error("one that fails"); });
  served.server.when_ended([&] { last.set_value(state()); });
  served.server.stop({.window = 0ms});
  CHECK(client.hear().starts_with("close 1012"));
  auto ended = first.get_future();
  CHECK(ended.wait_for(0s) == std::future_status::timeout);  // the client has not answered
  client.send(client_close(1012));
  CHECK(ended.get() == "1 0");
  CHECK(last.get_future().get() == "1 0");
  served.server.when_ended([&] { late.set_value(state()); });
  CHECK(late.get_future().get() == "1 0");
  CHECK(log.text().find("one that fails") != std::string::npos);
}

TEST_CASE("ended() is a task that finishes with the server", "[net]") {
  Served served;
  BlockingClient client = served.enter("/here");
  served.server.stop({.window = 0ms});
  client.send(client_close(1000));
  block_on(served.server.ended());
  CHECK(served.server.stats().connections == 0);
  block_on(served.server.ended());
}

TEST_CASE("a program with one thread and its own io_context stops, and destroys the server, without waiting", "[net]") {
  asio::io_context loop(1);
  TestGateway gateway;
  AsioExecutors executors({loop});
  auto server = std::make_unique<AsioServer>(executors, gateway);
  const std::uint16_t port = server->listen("127.0.0.1", 0).value();
  std::optional<BlockingClient> client;
  client.emplace(port);
  client->send(BlockingClient::upgrade_request("/") + client_close(1000));
  gateway.when_opened = [&](Door& door) {
    door.connection->accept(Acceptance());
    server->when_ended([&] { server.reset(); });
    server->stop({.window = 0ms});
  };
  loop.run();
  CHECK(server == nullptr);
  CHECK(client->read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
}

TEST_CASE("a coroutine that awaits the end of a destroyed server gets an error", "[net]") {
  asio::io_context loop;
  TestGateway gateway;
  AsioExecutors executors({loop});
  auto server = std::make_unique<AsioServer>(executors, gateway);
  bool called = false;
  auto kept = std::make_shared<int>(1);
  server->when_ended([&called, kept] { called = true; });
  Task<> ended = server->ended();
  CHECK_FALSE(ended.start({[](void*) noexcept {}, nullptr}));
  server.reset();
  CHECK(kept.use_count() == 1);
  CHECK_THROWS_AS(ended.take(), BrokenPromise);
  CHECK_FALSE(called);
}
