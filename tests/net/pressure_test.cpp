// SPDX-License-Identifier: MIT
// Readers that are slow, gateways that are busy.
#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "net/support/served.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;
using ws::Opcode;

TEST_CASE("a reader that is too slow is closed with 1013, and the others receive everything", "[net]") {
  AsioServerOptions options;
  options.limits.close_time = 200ms;
  Served served(options, {.queued_bytes = 300'000});
  auto slow = served.enter("/slow", small_buffer);
  auto quick = served.enter("/quick");
  served.gateway.with("/slow", [](Door& door) {
    for (int i = 0; i < 20'000; ++i) door.say(std::string(1'000, 'x'));
  });
  CHECK(served.gateway.heard.has("closed 1013 too slow"));
  quick.say("still here?");
  CHECK(quick.hear() == "text still here?");
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.too_slow == 1 && stats.connections == 1; }));
  // It does not read: after close_time the connection is reset, so that the kernel keeps nothing for it either.
  CHECK(slow.read_to_end().ends_with(reset_by_peer));
}

TEST_CASE("a slow reader that reads on gets its close frame between whole messages", "[net]") {
  Served served({}, {.queued_bytes = 300'000});
  auto slow = served.enter("/", small_buffer);
  served.gateway.with("/", [](Door& door) {
    for (int i = 0; i < 20'000; ++i) door.say(std::string(1'000, 'x'));
  });
  const std::string message = "text " + std::string(1'000, 'x');
  std::string heard = slow.hear();
  while (heard == message) heard = slow.hear();
  CHECK(heard == "close 1013 too slow retry_after_ms=2000");
  CHECK(slow.hear() == end_of_stream);
}

TEST_CASE("a close with 1013 carries the reconnect time for the client, not for the application", "[net][CL-14]") {
  AsioServerOptions options;
  SECTION("each client at a time of its own, 2 to 4 seconds later where nothing else is said") {}
  SECTION("as the server's options say") { options.return_after = 30s; }
  SECTION("or not at all") { options.return_after = 0ms; }
  Served served(options);
  auto first = served.enter("/first"), second = served.enter("/second"), third = served.enter("/third");
  for (const auto* path : {"/first", "/second"}) {
    served.gateway.with(path, [](Door& door) { door.connection->close(CloseReason(1013, "full")); });
  }
  served.gateway.with("/third", [](Door& door) { door.connection->close(CloseReason(1011, "broken")); });
  const std::int64_t after = options.return_after.count();
  const auto closed = [after](std::int64_t ms) {
    return after == 0 ? "close 1013 full" : "close 1013 full retry_after_ms=" + std::to_string(ms);
  };
  CHECK(first.hear() == closed(after));
  CHECK(second.hear() == closed(after * 1'618'034 / 1'000'000));
  CHECK(third.hear() == "close 1011 broken");
  first.send(client_close(1013));
  CHECK(served.gateway.heard.has("closed 1013 full"));
  CHECK_THROWS_AS(Served({.return_after = -1ms}), std::invalid_argument);
}

TEST_CASE("queued messages of a slow reader arrive whole and in order", "[net]") {
  Served served;
  auto client = served.enter("/", small_buffer);
  std::size_t queued = 0;
  served.gateway.with("/", [&](Door& door) {
    for (int i = 0; i < 3'000; ++i) door.say(std::to_string(i) + std::string(1'000, 'x'));
    queued = door.connection->queued_bytes();
  });
  CHECK(queued > 0);
  for (int i = 3'000; i < 4'000; ++i) {
    served.gateway.with("/", [&](Door& door) { door.say(std::to_string(i) + std::string(1'000, 'x')); });
  }
  for (int i = 0; i < 4'000; ++i) REQUIRE(client.hear() == "text " + std::to_string(i) + std::string(1'000, 'x'));
  served.gateway.with("/", [&](Door& door) { CHECK(door.connection->queued_bytes() == 0); });
}

TEST_CASE("a gateway that asks is notified once when the queue is empty", "[net]") {
  Served served;
  auto client = served.enter("/", small_buffer);
  served.gateway.with("/", [](Door& door) {
    door.fill(500'000);
    door.connection->tell_when_drained();
    door.connection->tell_when_drained();
    CHECK(door.connection->queued_bytes() > 0);
  });
  client.say("before");
  REQUIRE(served.gateway.heard.has("said before"));
  CHECK(served.gateway.heard.lines() == std::vector<std::string>{"open /", "said before"});
  const std::string filling = "text " + std::string(1'000, 'x');
  while (client.hear() == filling) {}  // up to the echo
  CHECK(served.gateway.heard.has("drained"));
  served.gateway.with("/", [](Door& door) {
    CHECK(door.connection->queued_bytes() == 0);
    door.connection->tell_when_drained();  // soon, and not in this call
    CHECK(door.gateway.heard.lines().size() == 3);
  });
  client.say("after");
  REQUIRE(served.gateway.heard.has("said after"));
  CHECK(served.gateway.heard.lines() ==
        std::vector<std::string>{"open /", "said before", "drained", "drained", "said after"});
}

TEST_CASE("a closed connection is not notified of an empty queue", "[net]") {
  Served served;
  auto client = served.enter("/", small_buffer);
  served.gateway.with("/", [](Door& door) {
    door.fill(500'000);
    door.connection->tell_when_drained();
    door.connection->close(CloseReason(4001));
    door.connection->tell_when_drained();
  });
  while (client.hear() != "close 4001") {}
  client.send(client_close(4001));
  CHECK(served.gateway.heard.has("closed 4001"));
  CHECK(served.gateway.heard.lines() == std::vector<std::string>{"open /", "closed 4001"});
}

TEST_CASE("a connection counts as slow only when the network takes no more", "[net]") {
  Served served({}, {.slow_bytes = 50'000});
  auto client = served.enter();
  served.gateway.with("/", [](Door& door) {
    std::size_t most = 0;
    for (int i = 0; i < 500; ++i) {  // half a mebibyte in one turn, into a kernel that has place for it
      door.say(std::string(1'000, 'x'));
      most = std::max(most, door.connection->queued_bytes());
    }
    CHECK(most <= 50'000);
  });
  for (int i = 0; i < 500; ++i) CHECK(client.hear() == "text " + std::string(1'000, 'x'));
}

TEST_CASE("a pong is sent before queued messages", "[net]") {
  Served served;
  auto client = served.enter("/", small_buffer);
  served.gateway.with("/", [](Door& door) { door.fill(2'000'000); });
  client.send(client_frame(Opcode::ping, "alive?") + client_text("and then this"));
  REQUIRE(served.gateway.heard.has("said and then this"));  // the ping was seen before
  const std::string filling = "text " + std::string(1'000, 'x');
  int before = 0, after = 0;
  while (client.hear() == filling) ++before;
  while (client.hear() == filling) ++after;
  CHECK(after > 1'900);  // of the 1,993 that waited
}

TEST_CASE("a slow reader does not keep the memory of messages to others", "[net]") {
  Served served;
  auto slow = served.enter("/slow", small_buffer);
  served.gateway.with("/slow", [](Door& door) { door.fill(1'000'000); });
  auto quick = served.enter("/quick");
  std::size_t before = 0, after = 0;
  served.gateway.with("/slow", [&](Door& door) { before = door.frames().allocated_bytes(); });
  std::shared_ptr<Connection> stuck;
  served.gateway.with("/slow", [&](Door& door) { stuck = door.connection; });
  for (int turn = 0; turn < 100; ++turn) {
    served.gateway.with("/quick", [&](Door& door) {
      door.say(std::string(30'000, 'q'));
      const Frame few = door.frames().encode(MessageKind::text, "few");
      stuck->send(few);
      door.connection->send(few);
    });
    CHECK(quick.hear() == "text " + std::string(30'000, 'q'));
    CHECK(quick.hear() == "text few");
  }
  served.gateway.with("/slow", [&](Door& door) { after = door.frames().allocated_bytes(); });
  served.gateway.with("/slow", [&](Door&) { stuck = nullptr; });
  CHECK(after < before + 200'000);  // and not 100 chunks of 64 KiB
}

TEST_CASE("while reading is paused nothing is delivered, then all of it in order", "[net][DI-9]") {
  Served served;
  served.gateway.when_said = [](Door& door, Message message) {
    door.connection->send(door.frames().encode(message.kind(), message.data()));
    if (message.data() == "stop") door.connection->pause_reading();
  };
  auto client = served.enter();
  client.send(client_text("a") + client_text("stop") + client_text("b") + client_text("stop") + client_text("c"));
  CHECK(client.hear() == "text a");
  CHECK(client.hear() == "text stop");
  client.say("d");
  CHECK(client.hears_nothing_for(30));
  served.gateway.with("/", [](Door& door) { door.connection->resume_reading(); });
  CHECK(client.hear() == "text b");
  CHECK(client.hear() == "text stop");
  CHECK(client.hears_nothing_for(30));
  served.gateway.with("/", [](Door& door) {
    door.connection->resume_reading();
    door.connection->resume_reading();
  });
  CHECK(client.hear() == "text c");
  CHECK(client.hear() == "text d");
}

TEST_CASE("while reading is paused the sender is held back by TCP, not by our memory", "[net][DI-9]") {
  Served served;
  served.gateway.when_said = [](Door& door, Message) { door.connection->pause_reading(); };
  auto client = served.enter();
  client.say("first");
  REQUIRE(served.gateway.heard.has("said first"));
  client.set_patience(100);
  const std::string burst = client_text(std::string(60'000, 'x'));
  int sent = 0;
  while (sent < 1'000 && client.send(burst)) ++sent;
  CHECK(sent < 1'000);
  CHECK(served.server.stats().bytes_in < 200'000);
}

TEST_CASE("the loss of a paused peer is noticed", "[net]") {
  Served served;
  served.gateway.when_said = [](Door& door, Message) { door.connection->pause_reading(); };
  auto ends = served.enter("/ends");
  ends.say("x");
  REQUIRE(served.gateway.heard.has("said x"));
  ends.hang_up();
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.vanished == 1; }));
  auto resets = served.enter("/resets");
  resets.send(client_text("y") + client_text("unread"));
  REQUIRE(served.gateway.heard.has("said y"));
  resets.say("this waits in the kernel");
  resets.reset();
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.vanished == 2 && stats.connections == 0; }));
}

TEST_CASE("a paused connection can be closed", "[net]") {
  Served served;
  served.gateway.when_said = [](Door& door, Message) { door.connection->pause_reading(); };
  auto client = served.enter();
  client.send(client_text("x") + client_text("unread"));
  REQUIRE(served.gateway.heard.has("said x"));
  served.gateway.with("/", [](Door& door) { door.connection->close(CloseReason(4002)); });
  CHECK(client.hear() == "close 4002");
  client.send(client_close(4002));
  CHECK(client.hear() == end_of_stream);
  CHECK(served.gateway.heard.has("closed 4002"));
  CHECK(served.gateway.heard.lines() == std::vector<std::string>{"open /", "said x", "closed 4002"});
}
