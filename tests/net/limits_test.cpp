// SPDX-License-Identifier: MIT
// The limits of open WebSockets. The policies themselves are tested in keep_alive_test, rate_limiter_test and
// queued_bytes_test, without sockets. Here the times are so short that a test need not wait, or so long that they never
// end.
#include <functional>
#include <future>
#include <string>

#include "net/loop/asio_executor.hpp"
#include "net/support/served.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;
using ws::Opcode;

namespace {

AsioServerOptions with(const std::function<void(ServerLimits&)>& change) {
  AsioServerOptions options;
  options.limits.close_time = 10s;
  change(options.limits);
  return options;
}

}  // namespace

// --- life

TEST_CASE("one timer is set for each sort of deadline, however many connections come and go", "[net]") {
  Served served(with([](ServerLimits& limits) {
    limits.handshake_time = 15ms;
    limits.close_time = 5ms;
  }));
  auto stays = served.enter("/stays");
  auto& executor = static_cast<net::AsioExecutor&>(served.executors.at(0));
  for (int i = 0; i < 20; ++i) {
    served.connect().upgrade();
    std::promise<void> later;
    executor.post_after(20ms, [&later] { later.set_value(); });
    later.get_future().wait();
  }
  std::size_t timers = 0;
  test::run_on(executor, [&] { timers = executor.timers(); });
  CHECK(timers <= 4);
}

TEST_CASE("a peer that answers pings stays", "[net]") {
  Served served(with([](ServerLimits& limits) {
    limits.ping_every = 10ms;
    limits.pong_time = 1h;
  }));
  auto client = served.enter();
  for (int i = 0; i < 5; ++i) {
    CHECK(client.hear() == "ping ");
    client.send(client_frame(Opcode::pong, ""));
  }
  client.say("here");
  std::string heard = client.hear();
  while (heard == "ping ") heard = client.hear();
  CHECK(heard == "text here");
  CHECK(served.server.stats().open == 1);
}

TEST_CASE("a peer that does not answer a ping is reported as 1006", "[net][LC-21]") {
  Served served(with([](ServerLimits& limits) { limits.ping_every = limits.pong_time = 10ms; }));
  auto client = served.enter();
  CHECK(client.hear() == "ping ");
  CHECK(client.hear() == "close 1011 no answer to a ping");  // should it hear us again some day
  CHECK(client.hear() == end_of_stream);
  CHECK(served.gateway.heard.has("closed 1006"));
  const ServerStats stats = served.server.stats();
  CHECK(stats.timed_out == 1);
  CHECK(stats.pings == 1);
  CHECK(stats.vanished == 0);
}

TEST_CASE("bytes that are not read because the consumer is busy prove that the peer lives", "[net]") {
  Served served(with([](ServerLimits& limits) {
    limits.ping_every = 20ms;
    limits.pong_time = 500ms;
    limits.read_ahead_bytes = 0;
  }));
  std::promise<void> second_is_there;
  served.gateway.when_said = [there = second_is_there.get_future().share()](Door& door, Message) {
    door.connection->pause_reading();
    there.wait();
  };
  auto client = served.enter();
  client.say("first");
  REQUIRE(served.gateway.heard.has("said first"));
  client.say("second");
  second_is_there.set_value();
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.pings >= 3; }));
  CHECK(served.server.stats().open == 1);
}

TEST_CASE("a ping is sent before queued messages", "[net]") {
  Served served(with([](ServerLimits& limits) {
    limits.ping_every = 100ms;
    limits.pong_time = 1h;
  }));
  served.gateway.when_opened = [](Door& door) {  // so that no ping can go before there is a queue
    door.connection->accept(Acceptance());
    door.fill(2'000'000);
    door.say("last");
  };
  auto client = served.enter("/", small_buffer);
  REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.pings >= 1; }));
  const std::string filling = "text " + std::string(1'000, 'x');
  std::string heard = client.hear();
  while (heard == filling) heard = client.hear();
  CHECK(heard == "ping ");
  int after = 0;  // and between further pings, if reading it all takes so long
  for (; heard == filling || heard == "ping "; heard = client.hear()) after += heard == filling;
  CHECK(heard == "text last");
  CHECK(after > 1'500);  // of about 2,000 that waited
}

TEST_CASE("a WebSocket without messages for idle_time closes with 1000", "[net]") {
  Served served(with([](ServerLimits& limits) { limits.idle_time = 20ms; }));
  auto client = served.enter();
  CHECK(client.hear() == "close 1000 idle");
  client.send(client_close(1000));
  CHECK(client.hear() == end_of_stream);
  CHECK(served.gateway.heard.has("closed 1000 idle"));
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.idle == 1 && stats.connections == 0; }));
}

TEST_CASE("messages of the server keep a WebSocket from being idle", "[net]") {
  Served served(with([](ServerLimits& limits) { limits.idle_time = 2s; }));
  auto client = served.enter();
  const auto start = std::chrono::steady_clock::now();
  auto last_said = start;
  while (last_said < start + 1s) {
    last_said = std::chrono::steady_clock::now();
    served.gateway.with("/", [](Door& door) { door.say("news"); });
    CHECK(client.hear() == "text news");
  }
  CHECK(client.hear() == "close 1000 idle");
  CHECK(std::chrono::steady_clock::now() >= last_said + 2s - 50ms);
}

TEST_CASE("a lifetime ends with 1001", "[net]") {
  Served served(with([](ServerLimits& limits) { limits.lifetime = 20ms; }));
  auto client = served.enter();
  CHECK(client.hear() == "close 1001 the lifetime has ended");
  client.send(client_close(1001));
  CHECK(client.hear() == end_of_stream);
  CHECK(served.gateway.heard.has("closed 1001 the lifetime has ended"));
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.too_old == 1 && stats.connections == 0; }));
}

// --- what a peer may say

TEST_CASE("a message in too many frames closes 1008", "[net]") {
  Served served(with([](ServerLimits& limits) { limits.frames_per_message = 3; }));
  auto client = served.enter();
  const auto more = client_frame(Opcode::continuation, "", false), last = client_frame(Opcode::continuation, "z");
  client.send(client_frame(Opcode::text, "a", false) + more + last);
  CHECK(client.hear() == "text az");
  client.send(client_frame(Opcode::text, "a", false) + more + more + last);
  CHECK(client.hear() == "close 1008 the message is in too many frames");
  CHECK(client.hear() == end_of_stream);
  CHECK(served.server.stats().too_many_frames == 1);
}

TEST_CASE("a peer faster than its rate is not read for a while, and loses nothing", "[net]") {
  for (const std::string& padding : {std::string(), std::string(1'000, 'x')}) {  // in one read, and in some
    Served served(with([](ServerLimits& limits) { limits.message_rate = {1'000, 10}; }));
    auto client = served.enter();
    std::string burst;
    for (int i = 0; i < 100; ++i) burst += client_text(std::to_string(i) + padding);
    client.send(burst);
    for (int i = 0; i < 100; ++i) CHECK(client.hear() == "text " + std::to_string(i) + padding);
    CHECK(served.server.stats().throttled >= 1);
    CHECK(served.server.stats().open == 1);
  }
}

TEST_CASE("a peer that sends more bytes than its rate is not read for a while", "[net]") {
  // A single read brings more than `burst`, however slow this machine is.
  Served served(with([](ServerLimits& limits) { limits.byte_rate = {10'000'000, 1'000}; }));
  auto client = served.enter();
  for (std::uint64_t i = 1; i <= 5; ++i) {
    client.say(std::string(50'000, 'x'));
    CHECK(client.hear().size() == 5 + 50'000);
    CHECK(served.comes_to([i](const ServerStats& stats) { return stats.throttled >= i; }));
  }
  CHECK(served.server.stats().open == 1);
}

TEST_CASE("while a peer is throttled its end is still seen, and the server can still close", "[net]") {
  Served served(with([](ServerLimits& limits) { limits.message_rate = {1, 1}; }));
  auto resets = served.enter("/resets");
  auto stays = served.enter("/stays");
  for (auto* client : {&resets, &stays}) client->send(client_text("a") + client_text("b") + client_text("c"));
  REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.throttled == 2; }));
  resets.reset();
  CHECK(served.gateway.heard.has("closed 1006"));
  served.gateway.with("/stays", [](Door& door) { door.connection->close(CloseReason(4000)); });
  CHECK(stays.hear() == "text a");
  CHECK(stays.hear() == "text b");
  CHECK(stays.hear() == "close 4000");
  stays.send(client_close(4000));
  CHECK(stays.hear() == end_of_stream);
}

TEST_CASE("a throttled connection is still closed at the end of its lifetime", "[net]") {
  Served served(with([](ServerLimits& limits) {
    limits.message_rate = {100, 10};
    limits.lifetime = 400ms;
  }));
  auto client = served.enter();
  std::string flood;
  for (int i = 0; i < 500; ++i) flood += client_text("x");
  client.send(flood);
  int heard = 0;
  std::string last;
  while ((last = client.hear()) == "text x") ++heard;
  CHECK(last == "close 1001 the lifetime has ended");
  CHECK(heard < 250);
}

TEST_CASE("with RateExcess::close the first message above the rate closes with 1008 and is not delivered", "[net]") {
  Served served(with([](ServerLimits& limits) {
    limits.message_rate = {1, 3};
    limits.rate_excess = RateExcess::close;
  }));
  auto client = served.enter();
  std::string burst;
  for (int i = 0; i < 10; ++i) burst += client_text(std::to_string(i));
  client.send(burst);
  for (int i = 0; i < 3; ++i) CHECK(client.hear() == "text " + std::to_string(i));
  CHECK(client.hear() == "close 1008 too fast");
  CHECK(client.hear() == end_of_stream);
  CHECK(served.gateway.heard.has("closed 1008 too fast"));
  CHECK(served.server.stats().too_fast == 1);
}

TEST_CASE("pings and pongs count as messages", "[net]") {
  for (const auto opcode : {Opcode::ping, Opcode::pong}) {
    Served served(with([](ServerLimits& limits) {
      limits.message_rate = {1, 3};
      limits.rate_excess = RateExcess::close;
    }));
    auto client = served.enter();
    std::string burst;
    for (int i = 0; i < 10; ++i) burst += client_frame(opcode, std::to_string(i));
    client.send(burst);
    if (opcode == Opcode::ping) {
      for (int i = 0; i < 3; ++i) CHECK(client.hear() == "pong " + std::to_string(i));
    }
    CHECK(client.hear() == "close 1008 too fast");
  }
}

// --- what waits for all together

TEST_CASE("when queues exceed their limit together, the connection with the largest queue is closed first", "[net]") {
  for (const std::size_t threads : {1, 2}) {
    Served served({}, {.queued_bytes = 8'000'000, .server_queued_bytes = 4'000'000}, threads);
    auto small = served.enter("/small", small_buffer);
    auto large = served.enter("/large", small_buffer);
    auto medium = served.enter("/medium", small_buffer);
    served.gateway.with("/small", [](Door& door) { door.fill(500'000); });
    served.gateway.with("/large", [](Door& door) { door.fill(2'000'000); });
    served.gateway.with("/medium", [](Door& door) { door.fill(1'000'000); });
    CHECK(served.server.stats().shed == 0);
    served.gateway.with("/medium", [](Door& door) { door.fill(1'800'000); });
    CHECK(served.comes_to([](const ServerStats& stats) { return stats.shed == 1; }));
    CHECK(served.gateway.heard.has("closed 1013 too slow, and the server is full"));
    std::string heard = large.hear();
    while (heard.starts_with("text ")) heard = large.hear();
    CHECK(heard == "close 1013 too slow, and the server is full retry_after_ms=2000");
    CHECK(served.server.stats().open == 2);
    served.gateway.with("/medium", [](Door& door) { door.fill(2'500'000); });  // there is room again
    CHECK(served.server.stats().shed == 1);
  }
}

TEST_CASE("limits that make no sense are refused at the start", "[net]") {
  AsioExecutors executors(1);
  TestGateway gateway;
  const auto start = [&](const std::function<void(ServerLimits&)>& change) {
    AsioServer server(executors, gateway, with(change));
  };
  CHECK_THROWS_AS(start([](ServerLimits& limits) { limits.message_bytes = 0; }), std::invalid_argument);
  CHECK_THROWS_AS(start([](ServerLimits& limits) { limits.frames_per_message = 0; }), std::invalid_argument);
  CHECK_THROWS_AS(start([](ServerLimits& limits) { limits.frames_per_message = 1U << 24U; }), std::invalid_argument);
  CHECK_THROWS_AS(start([](ServerLimits& limits) { limits.ping_every = -1ms; }), std::invalid_argument);
  CHECK_THROWS_AS(start([](ServerLimits& limits) { limits.lifetime = 24h * 365; }), std::invalid_argument);
  CHECK_THROWS_AS(start([](ServerLimits& limits) { limits.handshake_time = 0ms; }), std::invalid_argument);
  CHECK_THROWS_AS(start([](ServerLimits& limits) { limits.handshake_time = std::chrono::milliseconds::max(); }),
                  std::invalid_argument);
  CHECK_THROWS_AS(start([](ServerLimits& limits) { limits.close_time = 0ms; }), std::invalid_argument);
  CHECK_NOTHROW(start([](ServerLimits& limits) {
    limits.ping_every = limits.pong_time = 0ms;
    limits.message_rate = limits.byte_rate = {};
  }));
}
