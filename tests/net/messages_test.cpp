// SPDX-License-Identifier: MIT
// Messages over real sockets: whole, in pieces, in bursts.
#include <string>

#include "net/support/served.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using ws::Opcode;

TEST_CASE("a server echoes text and binary", "[net]") {
  Served served;
  auto client = served.connect();
  const std::string answer = client.upgrade("/echo");
  CHECK(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
  CHECK(answer.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != answer.npos);
  client.say("hello");
  CHECK(client.hear() == "text hello");
  client.send(client_frame(Opcode::binary, std::string("\0\xff", 2)));
  CHECK(client.hear() == "binary " + std::string("\0\xff", 2));
  const std::string large(300'000, 'x');
  client.say(large);
  CHECK(client.hear() == "text " + large);
  client.say("");
  CHECK(client.hear() == "text ");
}

TEST_CASE("a handshake and messages may come one byte at a time", "[net]") {
  Served served;
  auto client = served.connect();
  client.send_bytewise(BlockingClient::upgrade_request("/slowly"));
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  client.send_bytewise(client_text("drip"));
  client.send_bytewise(client_text("drop"));
  CHECK(client.hear() == "text drip");
  CHECK(client.hear() == "text drop");
}

TEST_CASE("frames in the segment of the upgrade are delivered after it", "[net]") {
  Served served;
  auto client = served.connect();
  client.send(BlockingClient::upgrade_request() + client_text("one") + client_text("two") + client_close(1000));
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  CHECK(client.hear() == "text one");
  CHECK(client.hear() == "text two");
  CHECK(client.hear() == "close 1000");
  CHECK(client.hear() == end_of_stream);
}

TEST_CASE("frames that arrive before the gateway accepts are delivered afterwards", "[net]") {
  Served served;
  served.gateway.when_opened = [](Door&) {};
  auto client = served.connect();
  client.send(BlockingClient::upgrade_request("/waits") + client_text("early"));
  REQUIRE(served.gateway.heard.has("open /waits"));
  client.say("later");
  CHECK(client.hears_nothing_for(30));
  served.gateway.with("/waits", [](Door& door) { door.connection->accept(Acceptance()); });
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  CHECK(client.hear() == "text early");
  CHECK(client.hear() == "text later");
}

TEST_CASE("bytes of two clients that arrive in turns are not mixed", "[net]") {
  Served served;
  auto one = served.enter("/one"), other = served.enter("/other");
  const std::string first = client_frame(Opcode::text, "fi", false) + client_frame(Opcode::continuation, "rst");
  const std::string second = client_frame(Opcode::binary, "se", false) + client_frame(Opcode::continuation, "cond");
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < first.size(); ++i) {
      const std::size_t before = served.server.stats().bytes_in;
      one.send(first.substr(i, 1));
      other.send(second.substr(i, 1));
      REQUIRE(served.comes_to([&](const ServerStats& stats) { return stats.bytes_in == before + 2; }));
    }
    other.send(second.substr(first.size()));
    CHECK(one.hear() == "text first");
    CHECK(other.hear() == "binary second");
  }
}

TEST_CASE("fragments are joined, and a ping between them is answered", "[net]") {
  Served served;
  auto client = served.enter();
  client.send(client_frame(Opcode::text, "frag", false) + client_frame(Opcode::ping, "are you there") +
              client_frame(Opcode::continuation, "ment", false) + client_frame(Opcode::continuation, "ed"));
  CHECK(client.hear() == "pong are you there");
  CHECK(client.hear() == "text fragmented");
}

TEST_CASE("a thousand messages at once keep their order and leave in few writes", "[net]") {
  Served served;
  auto client = served.enter();
  const auto before = served.server.stats();
  std::string burst;
  for (int i = 0; i < 1'000; ++i) burst += client_text(std::to_string(i));
  client.send(burst);
  for (int i = 0; i < 1'000; ++i) REQUIRE(client.hear() == "text " + std::to_string(i));
  const auto after = served.server.stats();
  CHECK(after.sends - before.sends == 1'000);
  CHECK(after.messages_in - before.messages_in == 1'000);
  CHECK(after.bytes_in - before.bytes_in == burst.size());
  CHECK(after.writes - before.writes < 100);
}

TEST_CASE("messages that one job sends to many connections leave in one write for each", "[net]") {
  Served served;
  std::vector<BlockingClient> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(served.enter("/" + std::to_string(i)));
  std::vector<std::shared_ptr<Connection>> connections;
  for (int i = 0; i < 10; ++i) {
    served.gateway.with("/" + std::to_string(i), [&](Door& door) { connections.push_back(door.connection); });
  }
  const auto before = served.server.stats();
  served.gateway.with("/0", [&](Door& door) {
    for (int message = 0; message < 256; ++message) {
      const Frame frame = door.frames().encode(MessageKind::text, std::to_string(message));
      for (const auto& connection : connections) connection->send(frame);
    }
  });
  for (auto& client : clients) {
    for (int message = 0; message < 256; ++message) REQUIRE(client.hear() == "text " + std::to_string(message));
  }
  CHECK(served.server.stats().writes - before.writes == 10);
  served.gateway.with("/0", [&](Door&) { connections.clear(); });
}

TEST_CASE("a subprotocol and headers go into the answer", "[net][LC-10][LC-11]") {
  Served served;
  served.gateway.when_opened = [](Door& door) {
    CHECK(door.scope.subprotocols() == std::vector<std::string_view>{"soap", "wamp"});
    door.connection->accept(Acceptance("wamp", {{"x-room", "7"}}));
  };
  auto client = served.connect();
  const std::string answer = client.upgrade("/", "Sec-WebSocket-Protocol: soap, wamp\r\n");
  CHECK(answer.find("\r\nSec-WebSocket-Protocol: wamp\r\n") != answer.npos);
  CHECK(answer.find("x-room: 7\r\n") != answer.npos);
}

TEST_CASE("the scope has the request and both addresses", "[net][SC-1]") {
  Transcript scope;
  Served served;
  served.gateway.when_opened = [&](Door& door) {
    const Scope& known = door.scope;
    scope.add(std::string(known.path()) + " " + std::string(known.query_string()) + " " + std::string(known.scheme()));
    scope.add(std::string(known.client_address().substr(0, 10)));
    scope.add(std::string(known.server_address()));
    scope.add(std::string(known.header("X-Extra").value_or("none")));
    door.connection->accept(Acceptance());
  };
  auto client = served.connect();
  client.upgrade("/%E9%A6%96/?foo=%41", "X-Extra: yes\r\n");
  CHECK(scope.lines() == std::vector<std::string>{"/\xe9\xa6\x96/ foo=%41 ws",
                                                  "127.0.0.1:", "127.0.0.1:" + std::to_string(served.port), "yes"});
}
