// SPDX-License-Identifier: MIT
// A load balancer that passes bytes on: a PROXY header in the clear, and behind it the client's own TLS.
#include <string>
#include <vector>

#include "net/support/proxied.hpp"
#include "net/support/served.hpp"
#include "net/support/tls_client.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

const std::string from_client = " from 192.0.2.7:51234 at localhost";

TlsContext localhost() {
  static const auto issued = Authority().issue("localhost");
  return TlsContext::from_pem(issued.certificate, issued.key).value();
}

class Passed : public Served {
 public:
  explicit Passed(AsioServerOptions options = behind_proxy_protocol({"127.0.0.1"}))
      : Served(options), tls_port(listen(localhost())) {}

  TlsClient connect(TlsClient::Options options = {}) const { return TlsClient(tls_port, options); }
  TlsClient connect(std::string header) const {
    TlsClient::Options options;
    options.before = std::move(header);
    return connect(options);
  }
  // A client that sends these bytes without TLS, and receives bytes without TLS.
  BlockingClient say(std::string_view bytes) const {
    BlockingClient client(tls_port);
    client.send(bytes);
    return client;
  }

  std::uint16_t tls_port;
};

AsioServerOptions with(const std::function<void(ServerLimits&)>& change) {
  AsioServerOptions options = behind_proxy_protocol({"127.0.0.1"});
  change(options.limits);
  return options;
}

std::string client_header(const std::string& address) {
  return "PROXY TCP4 " + address + " 198.51.100.1 51234 443\r\n";
}

}  // namespace

TEST_CASE("a PROXY header stands in front of a TLS handshake, wherever the two are cut", "[net]") {
  Passed served;
  for (const std::string& header : {line_header, binary_header(ends)}) {
    for (std::size_t cut = 0; cut <= header.size(); ++cut) {
      CAPTURE(header, cut);
      const std::uint64_t before = served.server.stats().bytes_in;
      TlsClient::Options options;
      options.before = header.substr(cut);
      auto client = served.connect(options);
      client.send_raw(header.substr(0, cut));
      REQUIRE(served.comes_to([&](const ServerStats& stats) { return stats.bytes_in == before + cut; }));
      const std::string path = "/" + std::to_string(cut);
      REQUIRE(client.upgrade(path).starts_with("HTTP/1.1 101 "));
      CHECK(known(served, path) == "wss" + from_client);
      client.hang_up();
      REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
    }
    TlsClient::Options options;
    options.before = header;
    options.bytewise = true;
    auto crumbs = served.connect(options);
    REQUIRE(crumbs.upgrade("/crumbs").starts_with("HTTP/1.1 101 "));
    CHECK(known(served, "/crumbs") == "wss" + from_client);
    crumbs.say("hello");
    CHECK(crumbs.hear() == "text hello");
    crumbs.hang_up();
    REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
  }
  CHECK(served.server.stats().proxy_refused == 0);
  CHECK(served.server.stats().tls_failed == 0);
}

TEST_CASE("a TLS handshake without the required PROXY header is disconnected without a response", "[net]") {
  Passed served;
  auto client = served.connect();
  CHECK_FALSE(client.shake_hands().empty());
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.proxy_refused == 1 && stats.connections == 0; }));
  CHECK(served.server.stats().bytes_out == 0);
  CHECK(served.server.stats().tls_failed == 0);
}

TEST_CASE("a PROXY header of a peer that is not trusted is no TLS either", "[net]") {
  Passed served(behind_proxy_protocol({"10.0.0.0/8"}));
  auto client = served.connect(line_header);
  CHECK_FALSE(client.shake_hands().empty());
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.tls_failed == 1 && stats.connections == 0; }));
  CHECK(served.server.stats().proxy_refused == 0);
}

TEST_CASE("behind a PROXY header, a TLS handshake that does not come ends at the deadline", "[net]") {
  Passed served(with([](ServerLimits& limits) { limits.handshake_time = 30ms; }));
  for (const auto* handshake : {"", "\x16\x03\x01", "\x16\x03\x01\x02"}) {
    CHECK(served.say(line_header + handshake).read_to_end() == end_of_stream);
  }
  CHECK(served.say(line_header.substr(0, 20)).read_to_end() == end_of_stream);
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
  CHECK(served.server.stats().proxy_refused == 1);  // the one that was half a header
  CHECK(served.server.stats().bytes_out == 0);
}

TEST_CASE("plain HTTP to a TLS port behind a PROXY header gets 400", "[net]") {
  Passed served;
  auto client = served.say(line_header + BlockingClient::upgrade_request());
  CHECK(client.read_until("\r\n").starts_with("HTTP/1.1 400 "));
}

TEST_CASE("a client above the limit of its address, named by a PROXY header, gets 503 within TLS", "[net][SC-13]") {
  Passed served(with([](ServerLimits& limits) {
    limits.connections = 2;
    limits.connections_per_address = 1;
    limits.handshake_time = 200ms;
  }));
  auto first = served.connect(client_header("192.0.2.7"));
  REQUIRE(first.upgrade("/first").starts_with("HTTP/1.1 101 "));

  CHECK(served.say(client_header("192.0.2.7")).read_to_end() == end_of_stream);
  auto second = served.connect(client_header("192.0.2.7"));
  REQUIRE(second.shake_hands().empty());
  auto other = served.connect(client_header("192.0.2.8"));  // the second one keeps no place of two
  CHECK(other.upgrade("/other").starts_with("HTTP/1.1 101 "));
  CHECK(second.upgrade("/second").starts_with("HTTP/1.1 503 "));
  CHECK(second.failure() == "");

  auto third = served.connect(client_header("192.0.2.9"));  // and now the server is full
  CHECK(third.upgrade("/third").starts_with("HTTP/1.1 503 "));
  CHECK(served.gateway.heard.lines() == std::vector<std::string>{"open /first", "open /other"});
  const ServerStats stats = served.server.stats();
  CHECK(stats.refused == std::vector<std::pair<int, std::uint64_t>>{{503, 2}});
  CHECK(stats.address_full == 2);
  CHECK(stats.server_full == 1);
}

TEST_CASE("most clients of a flood above the limit, behind PROXY headers, are closed without a TLS handshake",
          "[net][SC-13]") {
  constexpr std::size_t most_that_are_told = 64;
  Passed served(with([](ServerLimits& limits) { limits.connections_per_address = 1; }));
  auto first = served.connect(client_header("192.0.2.7"));
  REQUIRE(first.upgrade().starts_with("HTTP/1.1 101 "));
  std::vector<BlockingClient> flood;
  for (std::size_t i = 0; i < most_that_are_told; ++i) flood.push_back(served.say(client_header("192.0.2.7")));
  REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.address_full == most_that_are_told; }));
  CHECK(served.server.stats().connections == most_that_are_told + 1);

  auto last = served.connect(client_header("192.0.2.7"));
  CHECK_FALSE(last.shake_hands().empty());
  CHECK(served.server.stats().refused == std::vector<std::pair<int, std::uint64_t>>{{503, 1}});
  flood.clear();
  REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.connections == 1; }));
  auto again = served.connect(client_header("192.0.2.7"));
  CHECK(again.upgrade().starts_with("HTTP/1.1 503 "));
}

TEST_CASE("a server stops while TLS is awaited behind PROXY headers", "[net]") {
  Passed served;
  auto waiting = served.say(line_header);
  REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.bytes_in == line_header.size(); }));
  served.server.stop({.window = 0s});
  CHECK(waiting.read_to_end() == end_of_stream);
  waiting.hang_up();
  served.server.wait();
}
