// SPDX-License-Identifier: MIT
// permessage-deflate over real sockets: agreed on in the handshake, both directions, one broadcast for many.
#include <random>
#include <stdexcept>
#include <string>

#include "net/support/served.hpp"
#include "sluice/ws/deflate.hpp"
#include "support/catch.hpp"
#include "support/plain_inflate.hpp"
#include "support/sample_text.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

constexpr std::string_view offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

std::string extensions_of(const std::string& answer) {
  const std::string name = "\r\nSec-WebSocket-Extensions: ";
  const auto at = answer.find(name);
  if (at == answer.npos) return "none";
  const auto begin = at + name.size();
  return answer.substr(begin, answer.find('\r', begin) - begin);
}

std::string compressed_frame(std::string_view text, std::uint8_t first_byte = 0xc1) {
  std::string payload;
  ws::Deflater(15, 6, 8).deflate(text, payload);
  return raw_frame(first_byte, payload);
}

// What a client received: "text ..." or, compressed, "*text ...".
std::string plainly(const std::string& heard, PlainInflate inflate = {}) {
  constexpr std::string_view mark = "compressed text ";
  return heard.starts_with(mark) ? "*text " + inflate.message(std::string_view(heard).substr(mark.size())) : heard;
}

BlockingClient enter(Served& served, std::string_view path) {
  auto client = served.connect();
  REQUIRE(extensions_of(client.upgrade(path, offer)) ==
          "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
  return client;
}

}  // namespace

TEST_CASE("compression is negotiated only with clients that offer it", "[net]") {
  Served served;
  CHECK(extensions_of(served.connect().upgrade("/")) == "none");
  CHECK(extensions_of(served.connect().upgrade("/", "Sec-WebSocket-Extensions: foo, permessage-deflate; bar\r\n")) ==
        "none");
  CHECK(served.server.stats().compressing == 0);
  auto client = enter(served, "/");
  CHECK(served.server.stats().compressing == 1);
  CHECK(
      served.connect().upgrade("/", "Sec-WebSocket-Extensions: permessage-deflate;\r\n").starts_with("HTTP/1.1 400 "));
  Served plain({.deflate = {.enabled = false}});
  CHECK(extensions_of(plain.connect().upgrade("/", offer)) == "none");
}

TEST_CASE("a compressed message is received and echoed compressed, short ones are not compressed", "[net]") {
  Served served;
  auto client = enter(served, "/echo");
  const std::string json = rows_json(20'000);
  client.send(compressed_frame(json));
  CHECK(plainly(client.hear()) == "*text " + json);
  client.send(compressed_frame("short"));
  CHECK(client.hear() == "text short");
  client.say("plain");
  CHECK(client.hear() == "text plain");
  client.send_bytewise(compressed_frame("drip"));
  CHECK(client.hear() == "text drip");
  const ServerStats stats = served.server.stats();
  CHECK(stats.inflated == 3);
  CHECK(stats.inflated_plain_bytes == json.size() + 9);
  CHECK(stats.inflated_wire_bytes < json.size() / 2);
  CHECK(stats.deflated == 1);
  CHECK(stats.deflated_plain_bytes == json.size());
  CHECK(stats.deflated_wire_bytes < json.size() / 2);
}

TEST_CASE("a broadcast is compressed once for all that negotiated it, and sent plain to the others", "[net]") {
  Served served;
  std::vector<BlockingClient> clients;
  std::vector<std::shared_ptr<Connection>> connections;
  for (int i = 0; i < 40; ++i) {
    const std::string path = "/" + std::to_string(i);
    clients.push_back(i % 4 == 0 ? served.enter(path) : enter(served, path));
    served.gateway.with(path, [&](Door& door) { connections.push_back(door.connection); });
  }
  const std::string json = rows_json(3'000);
  served.gateway.with("/0", [&](Door& door) {
    const Frame frame = door.frames().encode(MessageKind::text, json);
    for (const auto& connection : connections) connection->send(frame);
    connections.clear();
  });
  for (std::size_t i = 0; i < clients.size(); ++i) {
    CHECK(plainly(clients[i].hear()) == (i % 4 == 0 ? "text " : "*text ") + json);
  }
  CHECK(served.server.stats().deflated == 1);
  CHECK(served.server.stats().sends == 40);
}

TEST_CASE("with windows of their own, connections get smaller messages", "[net]") {
  Served served({.deflate = {.server_context = DeflateContext::per_connection,
                             .client_context = DeflateContext::per_connection,
                             .server_window_bits = 12}});
  auto client = served.connect();
  CHECK(extensions_of(client.upgrade("/", offer)) == "permessage-deflate; server_max_window_bits=12");
  ws::Deflater deflater(15, 6, 8);
  PlainInflate inflate;
  std::size_t first_size = 0;
  for (int i = 0; i < 20; ++i) {
    std::string payload;
    deflater.deflate(rows_json(1'000), payload);
    client.send(raw_frame(0xc1, payload));
    const std::string heard = client.hear();
    REQUIRE(heard.starts_with("compressed text "));
    REQUIRE(inflate.message(std::string_view(heard).substr(16)) == rows_json(1'000));
    if (i == 0) first_size = heard.size();
    if (i > 0) CHECK(heard.size() * 3 < first_size);
  }
}

TEST_CASE("a decompression bomb closes with 1009, and invalid compressed data with 1007", "[net]") {
  Served served;
  auto bomber = enter(served, "/");
  bomber.send(compressed_frame(std::string(20'000'000, '\0'), 0xc2));
  CHECK(bomber.hear() == "close 1009 the message is too big");
  auto liar = enter(served, "/");
  liar.send(raw_frame(0xc1, "\x07"));
  CHECK(liar.hear() == "close 1007 the compressed message can't be read");
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.too_big == 1 && stats.invalid_payloads == 1; }));
}

TEST_CASE("a slow reader of compressed messages is closed by the bytes that wait for it", "[net]") {
  Served served({}, {.queued_bytes = 100'000});
  auto client = enter(served, "/slow");
  served.gateway.with("/slow", [](Door& door) {
    // Far more than the limit before compression, and little after it.
    for (int i = 0; i < 100; ++i) door.say(std::string(50'000, 'a'));
    CHECK(door.connection != nullptr);
    CHECK(door.connection->queued_bytes() < 100'000);
  });
  for (int i = 0; i < 100; ++i) REQUIRE(plainly(client.hear()) == "*text " + std::string(50'000, 'a'));

  served.gateway.with("/slow", [](Door& door) {
    // No smaller after compression, and more than any network takes at once.
    std::mt19937 random(1);
    for (int i = 0; i < 200; ++i) {
      std::string noise(100'000, '\0');
      for (char& byte : noise) byte = static_cast<char>(random());
      door.connection->send(door.frames().encode(MessageKind::binary, noise));
    }
  });
  CHECK(served.gateway.heard.has("closed 1013 too slow"));
  CHECK(served.server.stats().too_slow == 1);
}

TEST_CASE("deflate options that make no sense are refused at the start", "[net]") {
  CHECK_THROWS_AS(Served({.deflate = {.level = 11}}), std::invalid_argument);
}
