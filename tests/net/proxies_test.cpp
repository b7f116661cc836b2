// SPDX-License-Identifier: MIT
// A server behind proxies: the client's address, and which peers are trusted.
#include <string>

#include "net/support/proxied.hpp"
#include "net/support/served.hpp"
#include "sluice/core/task.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

const std::string headers =
    "X-Forwarded-For: 203.0.113.1, 192.0.2.7:51234\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: chat.example\r\n";

const std::string over_tls = "\x20\x00\x05\x01\0\0\0\0"s;

}  // namespace

TEST_CASE("a trusted proxy names the client", "[net]") {
  Served served(behind({"127.0.0.1"}));
  auto client = served.connect();
  REQUIRE(client.upgrade("/a", headers).starts_with("HTTP/1.1 101 "));
  CHECK(known(served, "/a") == "wss from 192.0.2.7:51234 at chat.example");
  auto silent = served.enter("/b");
  CHECK(known(served, "/b") == "ws from 127.0.0.1: at localhost");
}

TEST_CASE("headers of an untrusted peer are ignored", "[net]") {
  for (const bool somebody_else : {false, true}) {
    Served served(somebody_else ? behind({"10.0.0.0/8", "127.0.0.2"}) : AsioServerOptions());
    auto client = served.connect();
    REQUIRE(client.upgrade("/a", headers + "Forwarded: for=192.0.2.7;proto=https\r\n").starts_with("HTTP/1.1 101 "));
    CHECK(known(served, "/a") == "ws from 127.0.0.1: at localhost");
    auto garbage = served.connect();
    CHECK(garbage.upgrade("/b", "X-Forwarded-For: garbage\r\nForwarded: \"\r\n").starts_with("HTTP/1.1 101 "));
  }
}

TEST_CASE("Forwarded is read where it was chosen", "[net]") {
  AsioServerOptions options = behind({"127.0.0.1"});
  options.proxies.headers = ForwardedHeaders::forwarded;
  Served served(options);
  auto client = served.connect();
  client.upgrade("/a", headers + "Forwarded: for=\"[2001:db8::7]:4711\";proto=https;host=rfc.example\r\n");
  CHECK(known(served, "/a") == "wss from [2001:db8::7]:4711 at rfc.example");
}

TEST_CASE("a trusted proxy with malformed headers gets 400", "[net]") {
  Served served(behind({"127.0.0.1"}));
  auto client = served.connect();
  CHECK(client.upgrade("/a", "X-Forwarded-For: 192.0.2.7, nonsense\r\n").starts_with("HTTP/1.1 400 "));
  CHECK(served.gateway.heard.lines().empty());
  REQUIRE(served.comes_to([](const ServerStats& stats) { return !stats.refused.empty(); }));
  CHECK(served.server.stats().refused == std::vector<std::pair<int, std::uint64_t>>{{400, 1}});
}

TEST_CASE("every request over a proxy's connection has a client of its own", "[net]") {
  struct Who : HttpHandler {
    Task<HttpResponse> handle(const HttpRequest& request) override {
      const Scope& scope = request.scope();
      co_return HttpResponse(200, std::string(scope.scheme()) + " " + std::string(scope.client_address()));
    }
  } handler;
  AsioServerOptions options = behind({"127.0.0.1"});
  options.http = &handler;
  options.limits.connections_per_address = 1;
  Served served(options);
  auto proxy = served.connect();
  for (const auto* client : {"192.0.2.7:1", "192.0.2.8:2", "192.0.2.7:3"}) {
    proxy.send("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: "s + client + "\r\n\r\n");
    CHECK(proxy.read_until("https "s + client).ends_with("https "s + client));
  }
}

TEST_CASE("the limit for an address counts clients, not their proxy", "[net][SC-13]") {
  AsioServerOptions options = behind({"127.0.0.1"});
  options.limits.connections_per_address = 2;
  Served served(options);
  const auto enter = [&served](const std::string& address) {
    auto client = served.connect();
    const std::string answer = client.upgrade("/", "X-Forwarded-For: " + address + "\r\n");
    return std::pair(answer.substr(9, 3), std::move(client));
  };
  auto first = enter("192.0.2.7"), second = enter("192.0.2.7:4000"), third = enter("::ffff:192.0.2.7");
  auto other = enter("192.0.2.8");
  CHECK(first.first == "101");
  CHECK(second.first == "101");
  CHECK(third.first == "503");
  CHECK(other.first == "101");
  first.second.reset();
  REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.open == 2; }));
  CHECK(enter("192.0.2.7").first == "101");
}

TEST_CASE("an untrusted client cannot evade the limit of its address", "[net][SC-13]") {
  AsioServerOptions options = behind({"10.0.0.0/8"});
  options.limits.connections_per_address = 1;
  Served served(options);
  auto first = served.enter();
  auto second = served.connect();
  CHECK(second.upgrade("/", "X-Forwarded-For: 192.0.2.7\r\n").starts_with("HTTP/1.1 503 "));
}

TEST_CASE("a PROXY header names the client, whatever follows it and however it is split", "[net]") {
  Served served(behind_proxy_protocol({"127.0.0.1"}));
  for (const std::string& header : {line_header, binary_header(ends)}) {
    auto whole = served.connect();
    whole.send(header + BlockingClient::upgrade_request("/whole") + client_text("behind it"));
    CHECK(whole.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
    CHECK(whole.hear() == "text behind it");
    CHECK(known(served, "/whole") == "ws from 192.0.2.7:51234 at localhost");
    served.gateway.with("/whole", [](Door& door) { CHECK(door.scope.server_address() == "198.51.100.1:443"); });
    auto by_bytes = served.connect();
    by_bytes.send_bytewise(header + BlockingClient::upgrade_request("/bytes"));
    CHECK(by_bytes.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
    CHECK(known(served, "/bytes") == "ws from 192.0.2.7:51234 at localhost");
  }
  CHECK(served.server.stats().proxy_refused == 0);
}

TEST_CASE("a PROXY header reports TLS, and nothing for the proxy's own connections", "[net]") {
  Served served(behind_proxy_protocol({"127.0.0.1"}));
  auto secure = served.connect();
  secure.send(binary_header(ends + over_tls));
  REQUIRE(secure.upgrade("/secure").starts_with("HTTP/1.1 101 "));
  CHECK(known(served, "/secure") == "wss from 192.0.2.7:51234 at localhost");
  auto local = served.connect();
  local.send(binary_header("", '\x20', '\0'));
  REQUIRE(local.upgrade("/local").starts_with("HTTP/1.1 101 "));
  CHECK(known(served, "/local") == "ws from 127.0.0.1: at localhost");
}

TEST_CASE("behind a PROXY header, other headers are trusted if its client is", "[net]") {
  Served served(behind_proxy_protocol({"127.0.0.1", "10.0.0.0/8"}));
  auto stranger = served.connect();
  stranger.send("PROXY TCP4 192.0.2.9 198.51.100.1 51234 443\r\n");
  stranger.upgrade("/stranger", headers);
  CHECK(known(served, "/stranger") == "ws from 192.0.2.9:51234 at localhost");
  auto chained = served.connect();
  chained.send("PROXY TCP4 10.0.0.2 198.51.100.1 51234 443\r\n");
  chained.upgrade("/chained", headers);
  CHECK(known(served, "/chained") == "wss from 192.0.2.7:51234 at chat.example");
}

TEST_CASE("a trusted peer without a good PROXY header is cut off and counted", "[net]") {
  Served served(behind_proxy_protocol({"127.0.0.1"}));
  std::uint64_t refused = 0;
  for (const std::string& wrong : {BlockingClient::upgrade_request(), "PROXY TCP4 nonsense\r\n"s, "\x16\x03\x01"s,
                                   binary_header(ends, '\x22'), binary_header(ends.substr(1))}) {
    auto client = served.connect();
    client.send(wrong);
    CHECK(client.read_to_end().find("HTTP") == std::string::npos);
    ++refused;
    CHECK(served.comes_to([&](const ServerStats& stats) { return stats.proxy_refused == refused; }));
  }
  auto half = served.connect();
  half.send("PROXY TCP4 192.0");
  half.end_sending();
  CHECK(half.read_to_end() == end_of_stream);
  CHECK(served.comes_to([&](const ServerStats& stats) { return stats.proxy_refused == refused + 1; }));
  // A probe without any byte is no error.
  auto check = served.connect();
  check.end_sending();
  CHECK(check.read_to_end() == end_of_stream);
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
  CHECK(served.server.stats().proxy_refused == refused + 1);
  CHECK(served.gateway.heard.lines().empty());
}

TEST_CASE("a PROXY header of a peer that is not trusted is no HTTP", "[net]") {
  for (const bool somebody_else : {false, true}) {
    Served served(somebody_else ? behind_proxy_protocol({"10.0.0.0/8"}) : behind({"127.0.0.1"}));
    for (const std::string& header : {line_header, binary_header(ends)}) {
      auto client = served.connect();
      client.send(header + BlockingClient::upgrade_request("/spoofed"));
      CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 400 "));
    }
    CHECK(served.gateway.heard.lines().empty());
    // It needs none, and is who it is.
    auto plain = served.enter("/plain");
    CHECK(known(served, "/plain") == "ws from 127.0.0.1: at localhost");
  }
}

TEST_CASE("the limit for an address holds as soon as a PROXY header names the client", "[net][SC-13]") {
  AsioServerOptions options = behind_proxy_protocol({"127.0.0.1"});
  options.limits.connections_per_address = 1;
  Served served(options);
  const std::string& header = line_header;
  auto first = served.connect();
  first.send(header);
  REQUIRE(first.upgrade().starts_with("HTTP/1.1 101 "));
  auto second = served.connect();
  second.send(header);  // and no request
  CHECK(second.read_until("\r\n\r\n").starts_with("HTTP/1.1 503 "));
  auto other = served.connect();
  other.send("PROXY TCP4 192.0.2.8 198.51.100.1 51234 443\r\n");
  CHECK(other.upgrade().starts_with("HTTP/1.1 101 "));
}

TEST_CASE("a PROXY header must arrive within handshake_time", "[net]") {
  AsioServerOptions options = behind_proxy_protocol({"127.0.0.1"});
  options.limits.handshake_time = 30ms;
  Served served(options);
  auto silent = served.connect();
  CHECK(silent.read_to_end() == end_of_stream);
  CHECK(served.server.stats().proxy_refused == 0);
  auto slow = served.connect();
  slow.send("PROXY TCP4");
  CHECK(slow.read_to_end() == end_of_stream);
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.proxy_refused == 1; }));
}

TEST_CASE("each endpoint of a server may require PROXY headers", "[net]") {
  Served served(behind_proxy_protocol({"127.0.0.1"}));
  auto passed = BlockingClient(served.port);
  passed.send(line_header);
  REQUIRE(passed.upgrade("/passed").starts_with("HTTP/1.1 101 "));
  CHECK(known(served, "/passed") == "ws from 192.0.2.7:51234 at localhost");

  // Health checks ask here, and know nothing of the PROXY protocol.
  BlockingClient check(served.server.listen("127.0.0.1", 0, {.proxy_protocol = false}).value());
  REQUIRE(check.upgrade("/check", headers).starts_with("HTTP/1.1 101 "));
  CHECK(known(served, "/check") == "wss from 192.0.2.7:51234 at chat.example");
  BlockingClient wrong(served.server.listen("127.0.0.1", 0, {.proxy_protocol = false}).value());
  wrong.send(line_header);
  CHECK(wrong.upgrade("/wrong").starts_with("HTTP/1.1 400 "));
}

TEST_CASE("PROXY headers can be required at one endpoint only", "[net]") {
  Served served(behind({"127.0.0.1"}));
  const std::uint16_t port = served.server.listen("127.0.0.1", 0, {.proxy_protocol = true}).value();
  BlockingClient passed(port);
  passed.send(line_header);
  REQUIRE(passed.upgrade("/passed").starts_with("HTTP/1.1 101 "));
  CHECK(known(served, "/passed") == "ws from 192.0.2.7:51234 at localhost");
  BlockingClient bare(port);
  bare.send(BlockingClient::upgrade_request());
  CHECK(bare.read_to_end().find("HTTP") == std::string::npos);
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.proxy_refused == 1; }));
  auto plain = served.enter("/plain");
  CHECK(known(served, "/plain") == "ws from 127.0.0.1: at localhost");
}

TEST_CASE("a server stops while PROXY headers are awaited", "[net]") {
  Served served(behind_proxy_protocol({"127.0.0.1"}));
  auto waiting = served.connect();
  waiting.send("PROXY");
  REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.bytes_in == 5; }));
  served.server.stop({.window = 0s});
  CHECK(waiting.read_to_end() == end_of_stream);
  waiting.hang_up();
  served.server.wait();
}

TEST_CASE("behind a proxy that was reached over a unix socket a client is the proxy", "[net]") {
  Served served(behind({"127.0.0.1"}));
  auto client = served.connect();
  REQUIRE(client.upgrade("/a", "X-Forwarded-For: unix:\r\n").starts_with("HTTP/1.1 101 "));
  CHECK(known(served, "/a") == "ws from 127.0.0.1: at localhost");
  auto chained = served.connect();
  REQUIRE(chained.upgrade("/b", "X-Forwarded-For: 192.0.2.7, unix:\r\n").starts_with("HTTP/1.1 101 "));
  CHECK(known(served, "/b") == "ws from 127.0.0.1: at localhost");
}
