// SPDX-License-Identifier: MIT
// A peer's messages and its end, while its gateway is busy or it is throttled.
#include <atomic>
#include <memory>
#include <string>

#include "net/support/served.hpp"
#include "net/support/tls_client.hpp"
#include "sluice/ws/deflate.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/sample_text.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;
using ws::Opcode;

namespace {

// Busy with each message until a later turn.
void be_busy_for_a_turn(Door& door, Message message) {
  door.connection->pause_reading();
  door.executor.post([connection = door.connection, &executor = door.executor, text = std::string(message.data())] {
    connection->send(executor.local<FrameBuffer>().encode(MessageKind::text, text));
    connection->resume_reading();
  });
}

void be_busy_for_ever(Door& door, Message) { door.connection->pause_reading(); }

struct BusyServed : Served {
  explicit BusyServed(AsioServerOptions options = {}) : Served(options) {
    const Authority authority;
    const auto issued = authority.issue("localhost");
    tls_port = listen(TlsContext::from_pem(issued.certificate, issued.key).value());
  }
  std::uint16_t tls_port;
};

std::string compressed(std::string_view text) {
  std::string payload;
  ws::Deflater(15, 6, 8).deflate(text, payload);
  return raw_frame(0xc1, payload);
}

int count(const std::vector<std::string>& lines, std::string_view beginning) {
  int found = 0;
  for (const std::string& line : lines) found += line.starts_with(beginning);
  return found;
}

}  // namespace

TEST_CASE("messages before a close or an end are all handled, and the code is the client's", "[net][LC-21]") {
  const bool tls = GENERATE(false, true);
  const std::string_view how = GENERATE("close and end", "close", "end");
  const std::string_view kind = GENERATE("busy", "throttled", "compressed");
  CAPTURE(tls, how, kind);
  AsioServerOptions options;
  if (kind == "throttled") options.limits.message_rate = {10'000, 200};
  BusyServed served(options);
  const int messages = kind == "throttled" ? 600 : 4'000;
  if (kind != "throttled") served.gateway.when_said = be_busy_for_a_turn;
  std::unique_ptr<BlockingClient> client;
  if (tls) {
    client = std::make_unique<TlsClient>(served.tls_port);
  } else {
    client = std::make_unique<BlockingClient>(served.port);
  }
  const std::string offer = kind == "compressed" ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "";
  REQUIRE(client->upgrade("/", offer).starts_with("HTTP/1.1 101 "));
  std::string said;
  for (int i = 0; i < messages; ++i) {
    const std::string text = std::to_string(i);
    said += kind == "compressed" ? compressed(text) : client_text(text);
  }
  if (how != "end") said += client_close(1001, "bye");
  client->send(said);
  if (how != "close") client->end_sending();
  for (int i = 0; i < messages; ++i) REQUIRE(client->hear() == "text " + std::to_string(i));
  if (how != "end") CHECK(client->hear() == "close 1001 bye");
  CHECK(client->hear() == end_of_stream);
  CHECK(served.gateway.heard.has(how == "end" ? "closed 1006" : "closed 1001 bye"));
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.open == 0; }));
}

TEST_CASE("an end right behind the upgrade request is answered with 101 all the same", "[net]") {
  Served served;
  for (int i = 0; i < 200; ++i) {
    auto client = served.connect();
    client.send(BlockingClient::upgrade_request() + client_text("last"));
    client.end_sending();
    const std::string answer = client.read_to_end();
    CAPTURE(i, answer);
    REQUIRE(answer.starts_with("HTTP/1.1 101 "));
    REQUIRE(answer.ends_with("\x81\x04last<end>"));
  }
  served.gateway.when_opened = [](Door& door) {  // and one that decides later
    door.executor.post([connection = door.connection] { connection->accept(Acceptance()); });
  };
  for (int i = 0; i < 50; ++i) {
    auto client = served.connect();
    client.send(BlockingClient::upgrade_request());
    client.end_sending();
    REQUIRE(client.read_to_end().starts_with("HTTP/1.1 101 "));
  }
}

TEST_CASE("pings are answered while the gateway is busy", "[net]") {
  Served served;
  served.gateway.when_said = be_busy_for_ever;
  auto client = served.enter();
  client.say("x");
  for (int i = 0; i < 5; ++i) {
    client.send(client_text("y") + client_frame(Opcode::ping, std::to_string(i)));
    CHECK(client.hear() == "pong " + std::to_string(i));
  }
  CHECK(served.gateway.heard.lines() == std::vector<std::string>{"open /", "said x"});
  served.gateway.when_said = [](Door&, Message) {};
  served.gateway.with("/", [](Door& door) { door.connection->resume_reading(); });
  client.send(client_close(1000));
  CHECK(client.hear() == "close 1000");
  CHECK(count(served.gateway.heard.lines(), "said y") == 5);
}

TEST_CASE("for a busy gateway a client is read ahead until so much waits, and no further", "[net][DI-9]") {
  AsioServerOptions options;
  options.limits.read_ahead_bytes = 10'000;
  Served served(options);
  served.gateway.when_said = be_busy_for_ever;
  auto client = served.enter();
  client.say("x");
  REQUIRE(served.gateway.heard.has("said x"));
  client.set_patience(100);
  const std::string burst = client_text(std::string(1'000, 'x'));
  int sent = 0;
  while (sent < 100'000 && client.send(burst)) ++sent;
  CHECK(sent < 100'000);
  CHECK(served.server.stats().bytes_in < 10'000 + 70'000);
  CHECK(served.server.stats().read_ahead_full >= 1);
}

TEST_CASE("a gateway that is always busy delays a close by close_time at most", "[net]") {
  AsioServerOptions options;
  options.limits.close_time = 100ms;
  const bool closes = GENERATE(true, false);
  Served served(options);
  served.gateway.when_said = be_busy_for_ever;
  auto client = served.enter();
  client.send(client_text("x") + client_text("y") + client_text("z"));
  if (closes) client.send(client_close(1001));
  client.end_sending();
  if (closes) CHECK(client.hear() == "close 1001");
  CHECK(client.hear() == end_of_stream);
  const std::string closed = closes ? "closed 1001" : "closed 1006";
  CHECK(served.gateway.heard.has(closed));
  CHECK(served.gateway.heard.lines() == std::vector<std::string>{"open /", "said x", "said y", "said z", closed});
}

TEST_CASE("messages before a reset are delivered, although no answer can be sent", "[net]") {
  const bool closes = GENERATE(true, false);
  constexpr int messages = 3'000;  // far more than is read ahead, and no more than the kernel takes at once
  Served served;
  served.gateway.when_said = be_busy_for_ever;
  auto client = served.enter();
  std::string said;
  for (int i = 0; i < messages; ++i) said += client_text("m");
  if (closes) said += client_close(1001);
  client.send(said);
  client.reset();
  CHECK(served.gateway.heard.has(closes ? "closed 1001" : "closed 1006"));
  CHECK(count(served.gateway.heard.lines(), "said m") == messages);
}

TEST_CASE("a message that is not complete in time closes with 1008", "[net]") {
  AsioServerOptions options;
  options.limits.message_time = 50ms;
  Served served(options);
  const std::string_view begun = GENERATE("frame", "message", "header");
  auto client = served.enter();
  client.send_bytewise(client_text("in time"));
  CHECK(client.hear() == "text in time");
  if (begun == "frame") client.send(client_text("half a frame").substr(0, 10));
  if (begun == "message") client.send(client_frame(Opcode::text, "half a message", false));
  if (begun == "header") client.send("\x81");
  CHECK(client.hear() == "close 1008 the message took too long");
  CHECK(client.hear() == end_of_stream);
  CHECK(served.server.stats().late_messages == 1);
}

TEST_CASE("when unread bytes exceed their limit together, the largest client is closed first", "[net]") {
  AsioServerOptions options;
  options.limits.server_unused_bytes = 2'000'000;
  Served served(options);
  const std::string large_message = client_text(std::string(1'048'576, 'x')),
                    message = client_text(std::string(200'000, 'x'));
  auto small = served.enter("/small"), large = served.enter("/large");
  auto third = served.enter("/third"), fourth = served.enter("/fourth");
  small.send(message.substr(0, 100'000));
  large.send(large_message.substr(0, 1'040'000));
  third.send(large_message.substr(0, 400'000));
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.bytes_in > 1'540'000; }));
  CHECK(served.server.stats().open == 4);
  fourth.send(large_message.substr(0, 400'000));
  CHECK(large.hear() == "close 1013 too much is unused, and the server is full retry_after_ms=2000");
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.shed_unused == 1 && stats.open == 3; }));
  small.send(message.substr(100'000));
  CHECK(small.hear() == "text " + std::string(200'000, 'x'));
}

TEST_CASE("thousands of small messages at once delay other connections by one share only", "[net]") {
  Served served;
  std::atomic<int> messages{0}, before_others{0};
  served.gateway.when_said = [&](Door& door, Message) {
    if (messages.fetch_add(1) > 0) return;
    door.executor.post([&] { before_others = messages.load(); });
  };
  BlockingClient client(served.port);
  REQUIRE(client.upgrade("/", "").starts_with("HTTP/1.1 101 "));
  std::string all;
  for (int i = 0; i < 5'000; ++i) all += client_text("");
  client.send(all);
  const std::string last = client_text("last");
  client.send(last);
  REQUIRE(eventually([&] { return messages.load() == 5'001; }));
  CHECK(before_others.load() > 0);
  CHECK(before_others.load() <= 512);
}
