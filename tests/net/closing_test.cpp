// SPDX-License-Identifier: MIT
// How connections end, from both sides.
#include <string>

#include "net/support/served.hpp"
#include "sluice/core/log.hpp"
#include "support/catch.hpp"
#include "support/silence.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;
using ws::Opcode;

namespace {

AsioServerOptions impatient() {
  AsioServerOptions options;
  options.limits.close_time = 100ms;
  options.limits.handshake_time = 1s;
  return options;
}

}  // namespace

TEST_CASE("the peer's close code is echoed and reported", "[net][LC-21]") {
  Served served;
  for (const int code : {1000, 1001, 1011, 3000, 4999}) {
    auto client = served.enter();
    client.send(client_close(static_cast<std::uint16_t>(code), "bye"));
    CHECK(client.hear() == "close " + std::to_string(code) + " bye");
    CHECK(client.hear() == end_of_stream);
    CHECK(served.gateway.heard.has("closed " + std::to_string(code) + " bye"));
  }
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.closed_by_peer == 5 && stats.connections == 0; }));
}

TEST_CASE("a close frame without a code is echoed without one and reported as 1005", "[net][LC-21]") {
  Served served;
  auto client = served.enter();
  client.send(client_frame(Opcode::close, ""));
  CHECK(client.hear() == "close");
  CHECK(client.hear() == end_of_stream);
  CHECK(served.gateway.heard.has("closed 1005"));
}

TEST_CASE("a connection that ends without a close frame is reported as 1006", "[net][LC-21]") {
  Served served;
  auto ends = served.enter();
  ends.end_sending();
  CHECK(served.gateway.heard.has("closed 1006"));
  CHECK(ends.hear() == end_of_stream);
  auto resets = served.enter();
  resets.reset();
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.vanished == 2 && stats.open == 0; }));
  auto half = served.enter();
  half.send(client_text("half a message").substr(0, 5));
  half.hang_up();
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.vanished == 3 && stats.connections == 0; }));
}

TEST_CASE("a close by the server is sent behind queued messages, and the server ends TCP first",
          "[net][LC-13][LC-21]") {
  Served served;
  served.gateway.when_said = [](Door& door, Message) {
    door.say("last words");
    door.connection->close(CloseReason(4009, "enough"));
    door.say("too late");
    door.connection->close(CloseReason(4010));
  };
  auto client = served.enter();
  client.say("go");
  CHECK(client.hear() == "text last words");
  CHECK(client.hear() == "close 4009 enough");
  client.say("not heard any more");
  client.send(client_close(4009));
  CHECK(client.hear() == end_of_stream);
  CHECK(served.gateway.heard.has("closed 4009 enough"));
  CHECK(served.gateway.heard.lines() == std::vector<std::string>{"open /", "said go", "closed 4009 enough"});
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.closed_by_gateway == 1; }));
}

TEST_CASE("a close code that must not be sent becomes 1011", "[net][LC-14]") {
  Served served;
  const Silence silence;
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 2999, 5000}) {
    auto client = served.enter();
    served.gateway.with("/",
                        [&](Door& door) { door.connection->close(CloseReason(static_cast<std::uint16_t>(code))); });
    CHECK(client.hear() == "close 1011");
    client.send(client_close(1011));
    CHECK(client.hear() == end_of_stream);
    CHECK(served.gateway.heard.has("closed 1011"));
  }
}

TEST_CASE("a peer that does not answer a close is disconnected after close_time", "[net][LC-21]") {
  Served served(impatient());
  auto client = served.enter();
  served.gateway.with("/", [](Door& door) { door.connection->close(CloseReason(1000)); });
  CHECK(client.hear() == "close 1000");
  CHECK(client.hear() == end_of_stream);
  CHECK(served.gateway.heard.has("closed 1000"));
  CHECK(served.server.stats().cut_off == 1);
}

TEST_CASE("a close inside Gateway::open() is reported once, as the last event", "[net]") {
  Served served;
  served.gateway.when_opened = [](Door& door) {
    door.connection->accept(Acceptance());
    door.say("hello");
    door.connection->close(CloseReason(4000));
  };
  auto client = served.enter();
  CHECK(client.hear() == "text hello");
  CHECK(client.hear() == "close 4000");
  client.send(client_close(4000));
  CHECK(client.hear() == end_of_stream);
  CHECK(served.gateway.heard.has("closed 4000"));
}

TEST_CASE("no callback runs inside a call of the connection", "[net]") {
  Transcript story;
  Served served;
  served.gateway.when_opened = [&](Door& door) {
    story.add("accept");
    door.connection->accept(Acceptance());
    story.add("accepted");
  };
  served.gateway.when_said = [&](Door& door, Message) {
    door.connection->pause_reading();
    door.connection->resume_reading();
    door.connection->close(CloseReason(1000));
    story.add("closed is not told yet: " + std::to_string(door.connection != nullptr));
  };
  auto client = served.connect();
  client.send(BlockingClient::upgrade_request() + client_text("x") + client_close(1000));
  CHECK(client.read_to_end().ends_with("\x88\x02\x03\xe8" + std::string(end_of_stream)));
  CHECK(served.gateway.heard.has("closed 1000"));
  CHECK(story.lines() == std::vector<std::string>{"accept", "accepted", "closed is not told yet: 1"});
}

TEST_CASE("a protocol error, invalid UTF-8 and a message too large close with their codes", "[net]") {
  AsioServerOptions options;
  options.limits.message_bytes = 1000;
  Served served(options);
  auto unmasked = served.enter();
  unmasked.send("\x81\x01x");
  CHECK(unmasked.hear().starts_with("close 1002"));
  CHECK(unmasked.hear() == end_of_stream);
  CHECK(served.gateway.heard.lines().back().starts_with("closed 1002"));
  auto bad = served.enter();
  bad.send(client_text("\xff"));
  CHECK(bad.hear().starts_with("close 1007"));
  auto big = served.enter();
  big.send(client_text(std::string(100'000, 'x')));  // and its sender still reads the close frame, not a reset
  CHECK(big.hear().starts_with("close 1009"));
  CHECK(big.hear() == end_of_stream);
  for (auto* client : {&unmasked, &bad, &big}) client->hang_up();
  CHECK(served.comes_to([](const ServerStats& stats) {
    return stats.protocol_errors == 1 && stats.invalid_payloads == 1 && stats.too_big == 1 && stats.connections == 0;
  }));
}

TEST_CASE("a denied handshake is an HTTP answer, and ends with 1006", "[net][LC-5][LC-21]") {
  Served served;
  served.gateway.when_opened = [](Door& door) {
    door.connection->deny(Denial(401, "who are you?", {{"WWW-Authenticate", "Bearer"}}));
    door.connection->accept(Acceptance());  // too late: no effect
  };
  auto client = served.connect();
  client.send(BlockingClient::upgrade_request("/private") + client_text("ignored"));
  const std::string answer = client.read_to_end();
  CHECK(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"));
  CHECK(answer.find("WWW-Authenticate: Bearer\r\n") != answer.npos);
  CHECK(answer.ends_with("\r\n\r\nwho are you?<end>"));
  CHECK(served.gateway.heard.has("closed 1006"));
  CHECK(served.server.stats().refused == std::vector<std::pair<int, std::uint64_t>>{{401, 1}});
  CHECK(served.server.stats().opened == 0);
}

TEST_CASE("close instead of accept is answered 403", "[net][LC-5]") {
  Served served;
  served.gateway.when_opened = [](Door& door) { door.connection->close(CloseReason(4001)); };
  CHECK(served.connect().upgrade().starts_with("HTTP/1.1 403 Forbidden\r\n"));
  CHECK(served.gateway.heard.has("closed 1006"));
}

TEST_CASE("accept with what the client did not offer, or a header that breaks out, is answered 500", "[net][LC-10]") {
  Served served;
  const Silence silence;
  served.gateway.when_opened = [](Door& door) { door.connection->accept(Acceptance("mqtt")); };
  CHECK(served.connect().upgrade().starts_with("HTTP/1.1 500 "));
  served.gateway.when_opened = [](Door& door) {
    door.connection->accept(Acceptance("", {{"x", "1\r\nSet-Cookie: stolen"}}));
  };
  CHECK(served.connect().upgrade().starts_with("HTTP/1.1 500 "));
  served.gateway.when_opened = [](Door&) { throw std::runtime_error("no table"); };
  CHECK(served.connect().upgrade().starts_with("HTTP/1.1 500 "));
  CHECK(served.gateway.heard.lines() ==
        std::vector<std::string>{"open /", "closed 1006", "open /", "closed 1006", "open /"});
}

TEST_CASE("a handshake that the gateway does not answer gets 503", "[net][LC-8]") {
  Served served(impatient());
  served.gateway.when_opened = [](Door&) {};
  auto client = served.connect();
  CHECK(client.upgrade("/forgotten").starts_with("HTTP/1.1 503 "));
  CHECK(served.gateway.heard.has("closed 1006"));
  CHECK(client.read_to_end().ends_with(end_of_stream));
  CHECK(served.server.stats().refused == std::vector<std::pair<int, std::uint64_t>>{{503, 1}});
}

TEST_CASE("a client that leaves before the gateway answers is reported as lost", "[net]") {
  Served served;
  served.gateway.when_opened = [](Door&) {};
  auto client = served.connect();
  client.send(BlockingClient::upgrade_request("/impatient"));
  REQUIRE(served.gateway.heard.has("open /impatient"));
  client.hang_up();
  CHECK(served.gateway.heard.has("closed 1006"));
  auto other = served.connect();
  other.send(BlockingClient::upgrade_request("/chatty") + client_text("unread"));
  REQUIRE(served.gateway.heard.has("open /chatty"));
  other.reset();
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
}
