// SPDX-License-Identifier: MIT
// A stop of a server: the notices, their order, and what it waits for.
#include <future>
#include <string>
#include <thread>

#include "net/support/served.hpp"
#include "sluice/core/log.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

const StopOptions at_once{.window = 0ms};

// Keeps an executor from doing anything until it is released, at the latest by its end.
class Held {
 public:
  explicit Held(Executor& executor) {
    std::promise<void> reached;
    executor.post([&reached, release = release_.get_future().share()] {
      reached.set_value();
      release.wait();
    });
    reached.get_future().wait();
  }
  ~Held() { release(); }
  void release() {
    if (!std::exchange(released_, true)) release_.set_value();
  }

 private:
  std::promise<void> release_;
  bool released_ = false;
};

std::string plain_request() { return "GET / HTTP/1.1\r\nHost: x\r\n\r\n"; }

}  // namespace

TEST_CASE("each WebSocket closes at its own time in the window, and neighbours close far apart", "[net][LC-27]") {
  Served served;
  Transcript order;
  served.gateway.when_stopped = [&](Door& door, const CloseReason& reason) {
    order.add(std::string(door.scope.path()));
    door.connection->close(reason);
  };
  std::vector<BlockingClient> clients;
  for (const char* path : {"/0", "/1", "/2", "/3", "/4"}) clients.push_back(served.enter(path));
  const auto begun = std::chrono::steady_clock::now();
  served.server.stop({.window = 200ms});
  for (auto& client : clients) {
    CHECK(client.hear() == "close 1012");
    client.send(client_close(1012));
  }
  served.server.wait();
  CHECK(std::chrono::steady_clock::now() - begun > 170ms);  // the last one's moment is after 5 of 6 parts
  CHECK(order.lines() == std::vector<std::string>{"/0", "/2", "/4", "/1", "/3"});
  const ServerStats stats = served.server.stats();
  CHECK(stats.closed_by_stop == 5);
  CHECK(stats.opened - stats.open == 5);
  CHECK(stats.cut_off_by_stop == 0);
}

TEST_CASE("a connection that handles the stop may send and wait until the grace is over", "[net]") {
  Served served;
  served.gateway.when_stopped = [](Door& door, const CloseReason&) { door.say("a last word"); };
  auto waits = served.enter("/waits"), closes = served.enter("/closes");
  served.server.stop({.window = 0ms, .grace = 1h});
  CHECK(closes.hear() == "text a last word");
  served.gateway.with("/closes", [](Door& door) { door.connection->close(CloseReason(4000)); });
  CHECK(closes.hear() == "close 4000");
  closes.send(client_close(4000));
  CHECK(waits.hear() == "text a last word");
  served.server.stop({.window = 0ms, .grace = 10ms, .reason = {4321, "gone"}});
  CHECK(waits.hear() == "close 4321 gone");  // from the server itself
  served.server.wait();
  CHECK(served.gateway.heard.has("closed 4000"));
  CHECK(served.gateway.heard.has("closed 4321 gone"));
  const ServerStats stats = served.server.stats();
  CHECK(stats.closed_by_stop == 2);
  CHECK(stats.closed_by_gateway == 0);
  CHECK(stats.cut_off_by_stop == 1);
}

TEST_CASE("a handshake that is pending when the server stops may be accepted, and is closed in order", "[net]") {
  Served served;
  served.gateway.when_opened = [](Door&) {};
  auto client = served.connect();
  client.send(BlockingClient::upgrade_request("/late"));
  REQUIRE(served.gateway.heard.has("open /late"));
  served.server.stop({.window = 1s, .grace = 60s});
  served.gateway.with("/late", [](Door& door) {
    door.connection->accept(Acceptance());
    door.say("hello");
  });
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  CHECK(client.hear() == "text hello");
  CHECK(client.hear() == "close 1012");
  client.send(client_close(1012));
  CHECK(client.hear() == end_of_stream);
  served.server.wait();
  CHECK(served.server.stats().closed_by_stop == 1);
}

TEST_CASE("a close at a stop carries the reconnect time", "[net][LC-27]") {
  Served served;
  auto client = served.enter("/a");
  served.server.stop({.window = 0ms, .grace = 60s, .return_after = 3s});
  CHECK(client.hear() == "close 1012 retry_after_ms=3000");
  client.send(client_close(1012));
  served.server.wait();
}

TEST_CASE("a request that begins to arrive while the server stops is answered, and the last on its connection",
          "[net]") {
  Served served;
  auto half = served.connect(), fresh = served.connect();
  half.send("GET / HTTP/1.1\r\n");
  REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.accepted == 2 && stats.bytes_in == 16; }));
  served.server.stop(at_once);
  for (int turn = 0; turn < 2; ++turn) run_on(served.executors.at(0), [] {});  // it has reached its connections
  fresh.send(plain_request());
  const std::string answer = fresh.read_to_end();
  CHECK(answer.starts_with("HTTP/1.1 404 "));
  CHECK(answer.find("Connection: close\r\n") != answer.npos);
  half.send("Host: x\r\n\r\n");
  CHECK(half.read_to_end().find("Connection: close\r\n") != std::string::npos);
  fresh.hang_up();
  half.hang_up();
  served.server.wait();
}

TEST_CASE("connections in the kernel's queue are served when the server stops", "[net]") {
  Served served;
  Held held(served.executors.at(0));
  std::vector<BlockingClient> clients;
  for (int i = 0; i < 30; ++i) {
    clients.push_back(served.connect());
    clients.back().send(BlockingClient::upgrade_request("/") + client_text("hello"));
  }
  served.server.stop({.window = 50ms, .grace = 60s});
  held.release();
  for (auto& client : clients) {
    REQUIRE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
    REQUIRE(client.hear() == "text hello");
    REQUIRE(client.hear() == "close 1012");
    client.send(client_close(1012));
  }
  served.server.wait();
  CHECK(served.server.stats().closed_by_stop == 30);
  CHECK_THROWS(served.connect());
}

TEST_CASE("a stop with 1013 names the time that its options give, and none without one", "[net]") {
  Served served({.return_after = 2s});
  auto client = served.enter();
  StopOptions options{.window = 0ms, .reason = CloseReason(close_code::try_again_later, "moving")};
  std::string told = "close 1013 moving";
  SECTION("no time") {}
  SECTION("a time") {
    options.return_after = 30s;
    told += " retry_after_ms=30000";
  }
  served.server.stop(options);
  CHECK(client.hear() == told);
}

TEST_CASE("a slow reader receives everything that was sent before the stop, within the grace", "[net]") {
  AsioServerOptions options;
  options.limits.close_time = 50ms;
  Served served(options, {.queued_bytes = 64 << 20});
  auto client = served.enter("/slow", 4096);
  constexpr std::size_t message_bytes = 60'000;  // 4 more are its header
  constexpr int messages = 200;
  served.gateway.with("/slow", [](Door& door) {
    for (int i = 0; i < messages; ++i) door.say(std::string(message_bytes, 'x'));
  });
  served.server.stop({.window = 0ms, .grace = 60s});
  REQUIRE(served.gateway.heard.has("stop"));
  std::size_t heard = 0;
  for (int i = 0; i < messages; ++i) {
    heard += client.read_exactly(message_bytes + 4).size();
    std::this_thread::sleep_for(2ms);  // together, several times as long as a close may take
  }
  CHECK(heard == messages * (message_bytes + 4));
  CHECK(client.hear() == "close 1012");
  client.send(client_close(1012));
  served.server.wait();
  CHECK(served.server.stats().cut_off_by_stop == 0);
}

TEST_CASE("a second stop makes it faster, and only the first waits", "[net]") {
  Served served;
  std::vector<BlockingClient> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(served.enter());
  served.server.stop({.window = 1h});
  CHECK(clients[0].hear() == "close 1012");
  CHECK(clients[1].hears_nothing_for(20));
  served.server.stop({.window = 0ms, .grace = 10ms, .reason = close_code::going_away});
  served.server.stop({.window = 1h});
  CHECK(clients[1].hear() == "close 1001");
  CHECK(clients[2].hear() == "close 1001");
  served.server.wait();
}

TEST_CASE("stop options with an invalid close code or time are refused", "[net]") {
  Served served;
  CHECK_THROWS_AS(served.server.stop({.reason = close_code::abnormal}), std::invalid_argument);
  CHECK_THROWS_AS(served.server.stop({.reason = {1012, std::string(124, 'x')}}), std::invalid_argument);
  CHECK_THROWS_AS(served.server.stop({.grace = std::chrono::milliseconds::max()}), std::invalid_argument);
  CHECK_THROWS_AS(served.server.stop({.window = -1ms}), std::invalid_argument);
  CHECK(served.enter().hears_nothing_for(1));
}

TEST_CASE("wait() waits for holders of a connection, but not for ever", "[net]") {
  const LogCapture log;
  TestGateway gateway({.disconnect_grace = 0ms});
  AsioExecutors executors(1);
  auto server = std::make_unique<AsioServer>(executors, gateway);
  BlockingClient client(server->listen("127.0.0.1", 0).value());
  REQUIRE(client.upgrade().starts_with("HTTP/1.1 101 "));
  std::shared_ptr<Connection> kept;
  gateway.with("/", [&](Door& door) { kept = door.connection; });
  server->stop({.window = 0ms, .grace = 0ms});
  server->wait();
  CHECK(gateway.heard.has("closed 1012"));
  CHECK(log.lines() ==
        std::vector<std::string>{"stop: 1 connections have ended, but the application still holds them"});
  CHECK(server->stats().connections == 0);
  server.reset();
  run_on(executors.at(0), [&] { kept.reset(); });  // and nothing that it needs is missing
}

TEST_CASE("with SO_REUSEPORT, connections that the kernel gave to a stopping server are served by it", "[net]") {
  AsioServerOptions options;
  options.reuse_port = true;
  Served old_one(options);
  TestGateway gateway;
  AsioExecutors executors(1);
  AsioServer new_one(executors, gateway, options);
  REQUIRE(new_one.listen("127.0.0.1", old_one.port).value() == old_one.port);
  Held held(old_one.executors.at(0));
  std::vector<BlockingClient> clients;
  for (int i = 0; i < 64; ++i) clients.push_back(old_one.connect());  // the kernel deals them out
  old_one.server.stop({.window = 0ms, .grace = 60s});
  held.release();
  for (auto& client : clients) REQUIRE(client.upgrade().starts_with("HTTP/1.1 101 "));
  const std::uint64_t at_old = old_one.server.stats().accepted;
  CHECK(at_old > 0);
  CHECK(new_one.stats().accepted == 64 - at_old);
  for (int i = 0; i < 64; ++i) REQUIRE(old_one.connect().upgrade().starts_with("HTTP/1.1 101 "));
  CHECK(old_one.server.stats().accepted == at_old);
  clients.clear();
  old_one.server.wait();
  CHECK(old_one.server.stats().closed_by_stop + old_one.server.stats().vanished == at_old);
}

TEST_CASE("a stop without a wait leaves nothing behind when its executors end", "[net]") {
  TestGateway gateway;
  for (int i = 0; i < 20; ++i) {
    AsioExecutors executors(2);
    AsioServer server(executors, gateway);
    REQUIRE(server.listen("127.0.0.1", 0));
    server.stop();
    server.wait();
    server.stop();
  }
}

TEST_CASE("wait() on the server's own executor throws instead of waiting for ever", "[net]") {
  Served served;
  std::promise<std::string> said;
  served.executors.at(0).post([&] {
    try {
      served.server.wait();
      said.set_value("it came back");
    } catch (const std::logic_error& error) {
      said.set_value(error.what());
    }
  });
  CHECK(said.get_future().get() ==
        "AsioServer::wait() on one of the server's executors would wait for itself: call it elsewhere");
}
