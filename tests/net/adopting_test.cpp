// SPDX-License-Identifier: MIT
// Connections that another server has accepted: how they are handed over, and that all of the server's rules hold for
// them.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "net/support/proxied.hpp"
#include "net/support/tls_client.hpp"
#include "sluice/ws/deflate.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

// Another server: it accepts, and reads.
class OtherServer {
 public:
  OtherServer() : listening_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (::bind(listening_, reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(listening_, 100) != 0 ||
        ::getsockname(listening_, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
      throw std::runtime_error("listen");
    }
    port_ = ntohs(at.sin_port);
  }
  OtherServer(const OtherServer&) = delete;
  ~OtherServer() { ::close(listening_); }

  std::uint16_t port() const { return port_; }
  BlockingClient connect() const { return BlockingClient(port_); }
  int accept() const { return ::accept(listening_, nullptr, nullptr); }
  int listening() const { return listening_; }
  static std::string read(int descriptor, std::size_t most) {
    std::string bytes(most, '\0');
    const ssize_t count = ::recv(descriptor, bytes.data(), bytes.size(), 0);
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }

 private:
  int listening_;
  std::uint16_t port_ = 0;
};

// Adopts instead of listening.
struct Adopting {
  explicit Adopting(AsioServerOptions options = {}, std::size_t threads = 1)
      : executors(threads), server(executors, gateway, options) {}
  bool comes_to(const std::function<bool(const ServerStats&)>& state) const {
    return eventually([&] { return state(server.stats()); });
  }

  OtherServer other;
  TestGateway gateway;
  AsioExecutors executors;
  AsioServer server;
};

AdoptedRequest upgrade_of(std::string target, std::string more_name = {}, std::string more_value = {}) {
  AdoptedRequest request{"GET",
                         std::move(target),
                         {{"Host", "localhost"},
                          {"Upgrade", "websocket"},
                          {"Connection", "Upgrade"},
                          {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                          {"Sec-WebSocket-Version", "13"}}};
  if (!more_name.empty()) request.headers.emplace_back(std::move(more_name), std::move(more_value));
  return request;
}

std::string said(const Result<>& result) { return result ? "adopted" : result.error().message(); }

}  // namespace

TEST_CASE("an adopted connection continues at the byte where its reader stopped", "[net]") {
  const std::string request = BlockingClient::upgrade_request("/room") + client_text("one");
  for (const std::size_t before :
       {std::size_t{0}, std::size_t{1}, request.size() / 2, request.size() - 3, request.size()}) {
    Adopting adopting;
    BlockingClient client = adopting.other.connect();
    client.send(request);
    const int descriptor = adopting.other.accept();
    std::string read;
    while (read.size() < before) read += OtherServer::read(descriptor, before - read.size());
    REQUIRE(said(adopting.server.adopt(descriptor, read)) == "adopted");
    CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
    CHECK(client.hear() == "text one");
    client.say("two");
    CHECK(client.hear() == "text two");
    CHECK(adopting.gateway.heard.has("open /room"));
    const ServerStats stats = adopting.server.stats();
    CHECK(stats.accepted == 1);
    CHECK(stats.open == 1);
    CHECK(stats.bytes_in == request.size() + client_text("two").size());
  }
}

TEST_CASE("a request that another parser has read is served with its headers, its target and the bytes behind it",
          "[net]") {
  Adopting adopting;
  BlockingClient client = adopting.other.connect();
  const int descriptor = adopting.other.accept();
  const AdoptedRequest request = upgrade_of("/a%20b?c=%26", "X-Tenant", "blue");
  REQUIRE(said(adopting.server.adopt(descriptor, request, client_text("behind"))) == "adopted");
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  CHECK(client.hear() == "text behind");
  std::string line;
  adopting.gateway.with("/a b", [&](Door& door) {
    line = std::string(door.scope.path()) + " " + std::string(door.scope.query_string()) + " " +
           std::string(door.scope.header("x-tenant").value_or("nobody")) + " " + std::string(door.scope.scheme());
  });
  CHECK(line == "/a b c=%26 blue ws");
}

TEST_CASE("an adopted connection compresses", "[net]") {
  Adopting adopting;
  BlockingClient client = adopting.other.connect();
  const AdoptedRequest request = upgrade_of("/", "Sec-WebSocket-Extensions", "permessage-deflate");
  REQUIRE(adopting.server.adopt(adopting.other.accept(), request));
  CHECK(client.read_until("\r\n\r\n").find("permessage-deflate") != std::string::npos);
  std::string payload;
  ws::Deflater(15, 6, 8).deflate(std::string(5'000, 'x'), payload);
  client.send(raw_frame(0xc1, payload));
  CHECK(client.hear().starts_with("compressed text "));
  CHECK(adopting.server.stats().compressing == 1);
}

TEST_CASE("a plain request of an adopted connection is answered, and so is the next one", "[net]") {
  Adopting adopting;
  BlockingClient client = adopting.other.connect();
  AdoptedRequest post{"POST", "/orders", {{"Host", "localhost"}, {"Content-Length", "10"}}};
  client.send("67890GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n");
  REQUIRE(adopting.server.adopt(adopting.other.accept(), post, "12345"));
  CHECK(client.read_until("not found\n").starts_with("HTTP/1.1 404 "));
  CHECK(client.read_until("not found\n").starts_with("HTTP/1.1 404 "));
  CHECK(adopting.server.stats().http_requests == 2);
}

TEST_CASE("a caller that terminates TLS hands over one end of a socketpair", "[net]") {
  Adopting adopting;
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const AdoptOptions options{.client_address = "[2001:db8::7]:4711", .secure = true};
  REQUIRE(said(adopting.server.adopt(ends[1], upgrade_of("/"), {}, options)) == "adopted");
  const std::string large(300'000, 'x');
  const auto send_all = [&](std::string bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t count = ::send(ends[0], bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      REQUIRE(count > 0);
      sent += static_cast<std::size_t>(count);
    }
  };
  send_all(client_text(large));
  std::string received;
  while (received.find(large) == received.npos) {
    const std::string more = OtherServer::read(ends[0], 64 * 1024);
    REQUIRE_FALSE(more.empty());
    received += more;
  }
  CHECK(received.starts_with("HTTP/1.1 101 "));
  CHECK(adopting.gateway.heard.has("open /"));
  std::string line;
  adopting.gateway.with("/", [&](Door& door) {
    line = std::string(door.scope.scheme()) + " from " + std::string(door.scope.client_address());
  });
  CHECK(line == "wss from [2001:db8::7]:4711");
  ::shutdown(ends[0], SHUT_WR);
  CHECK(adopting.gateway.heard.has("closed 1006"));
  ::close(ends[0]);
}

TEST_CASE("an adopted connection may begin with TLS", "[net]") {
  Adopting adopting;
  const Authority authority;
  const Issued issued = authority.issue("localhost");
  const TlsContext tls = TlsContext::from_pem(issued.certificate, issued.key).value();
  std::promise<std::string> heard;
  std::thread browser([&] {
    TlsClient client(adopting.other.port());
    client.upgrade("/secret");
    client.say("hello");
    heard.set_value(client.hear());
  });
  const int descriptor = adopting.other.accept();
  CHECK(said(adopting.server.adopt(descriptor, "x", {.tls = tls}))
            .ends_with("TLS can't begin behind bytes that were read"));
  CHECK(said(adopting.server.adopt(descriptor, {}, {.tls = tls})) == "adopted");
  browser.join();
  CHECK(heard.get_future().get() == "text hello");
}

TEST_CASE("adopted connections count for the limits on connections and addresses, as accepted ones do", "[net]") {
  AsioServerOptions options;
  options.limits.connections = 3;
  options.limits.connections_per_address = 1;
  Adopting adopting(options);
  std::vector<BlockingClient> clients;
  std::string statuses;
  for (const char* address : {"192.0.2.7:1", "192.0.2.7:2", "192.0.2.8", "192.0.2.9", "192.0.2.10"}) {
    clients.push_back(adopting.other.connect());
    REQUIRE(adopting.server.adopt(adopting.other.accept(), upgrade_of("/"), {}, {.client_address = address}));
    statuses += clients.back().read_until("\r\n\r\n").substr(9, 4);
    // A refused client leaves, and what it took is free.
    if (statuses.ends_with("503 ")) clients.back().hang_up();
    REQUIRE(adopting.comes_to([](const ServerStats& stats) { return stats.connections == stats.open; }));
  }
  CHECK(statuses == "101 503 101 101 503 ");
  CHECK(adopting.server.stats().address_full == 1);
  CHECK(adopting.server.stats().server_full == 1);
}

TEST_CASE("an adopted connection that sends no request ends with handshake_time", "[net]") {
  AsioServerOptions options;
  options.limits.handshake_time = 20ms;
  Adopting adopting(options);
  BlockingClient client = adopting.other.connect();
  REQUIRE(adopting.server.adopt(adopting.other.accept(), "GET / HT"));
  CHECK(client.read_to_end().starts_with("HTTP/1.1 408 "));
}

TEST_CASE("an adopted connection is pinged, and closed when its client is too fast", "[net]") {
  AsioServerOptions options;
  options.limits.ping_every = 20ms;
  options.limits.message_rate = {1, 2};
  options.limits.rate_excess = RateExcess::close;
  Adopting adopting(options);
  BlockingClient client = adopting.other.connect();
  REQUIRE(adopting.server.adopt(adopting.other.accept(), upgrade_of("/")));
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  CHECK(client.hear().starts_with("ping"));
  for (int i = 0; i < 5; ++i) client.say("fast");
  std::string heard = client.hear();
  while (heard.starts_with("ping") || heard.starts_with("text")) heard = client.hear();
  CHECK(heard.starts_with("close 1008"));
  CHECK(adopting.server.stats().too_fast == 1);
}

TEST_CASE("a socket that cannot be adopted stays with the caller, unchanged", "[net]") {
  Adopting adopting;
  BlockingClient client = adopting.other.connect();
  const int descriptor = adopting.other.accept();
  const int flags = ::fcntl(descriptor, F_GETFL), descriptor_flags = ::fcntl(descriptor, F_GETFD);
  const auto refused = [&](const Result<>& result) {
    const std::string message = said(result);
    CHECK(::fcntl(descriptor, F_GETFL) == flags);
    CHECK(::fcntl(descriptor, F_GETFD) == descriptor_flags);
    return message.substr(message.rfind(": ") + 2);
  };
  AsioServer& server = adopting.server;
  int pair[2], ends[2];
  REQUIRE(::pipe(pair) == 0);
  REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
  const int unconnected = ::socket(AF_INET, SOCK_STREAM, 0);
  CHECK(refused(server.adopt(-1)) == "Bad file descriptor");
  CHECK(refused(server.adopt(pair[0])) == "Socket operation on non-socket");
  CHECK(refused(server.adopt(ends[0])) == "it is no stream socket");
  CHECK(refused(server.adopt(unconnected)) == "Transport endpoint is not connected");
  CHECK(refused(server.adopt(adopting.other.listening())) == "it listens");
  CHECK(refused(server.adopt(descriptor, {}, {.client_address = "a name"})) == "client_address is no IP address");
  const std::string much(server.most_adopted_bytes() + 1, 'x');
  CHECK(refused(server.adopt(descriptor, much)).ends_with("bytes were read, and adopt() takes 1130496"));
  for (const int made : {pair[0], pair[1], ends[0], ends[1], unconnected}) ::close(made);
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  CHECK(refused(server.adopt(ends[0])) == "client_address is required for a socket that is no TCP socket");
  for (const int made : ends) ::close(made);

  CHECK(refused(server.adopt(descriptor, upgrade_of("/", "X-Split", "a\r\nb: c"))) ==
        "the header X-Split holds a control byte");
  CHECK(refused(server.adopt(descriptor, upgrade_of("/", "a b", "c"))) == "a header's name is not a token");
  CHECK(refused(server.adopt(descriptor, upgrade_of("/a b"))) ==
        "the target is empty, or holds a blank or a control byte");
  CHECK(refused(server.adopt(descriptor, upgrade_of(""))) == "the target is empty, or holds a blank or a control byte");
  CHECK(refused(server.adopt(descriptor, AdoptedRequest{"G T"})) == "the method is not a token");

  client.send("still open");
  CHECK(OtherServer::read(descriptor, 100) == "still open");
  ::close(descriptor);
  CHECK(server.stats().accepted == 0);
}

TEST_CASE("connections adopted before stop() are served and closed in order, later ones are refused", "[net]") {
  Adopting adopting({}, 2);
  BlockingClient first = adopting.other.connect(), late = adopting.other.connect();
  const int descriptor = adopting.other.accept(), later = adopting.other.accept();
  REQUIRE(adopting.server.adopt(descriptor, upgrade_of("/")));
  adopting.server.stop({.window = 0ms});
  CHECK(first.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  CHECK(first.hear().starts_with("close 1012"));
  first.send(client_close(1012));
  CHECK(said(adopting.server.adopt(later, upgrade_of("/"))) == "refused: adopt: the server has stopped");
  ::close(later);
  first.read_to_end();
  adopting.server.wait();
  CHECK(adopting.server.stats().closed_by_stop == 1);
}

TEST_CASE("connections are adopted from any thread, and spread over the executors", "[net]") {
  Adopting adopting({}, 2);
  constexpr int threads = 4, each = 10;
  std::atomic<int> echoed{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < threads; ++i) {
    callers.emplace_back([&] {
      for (int n = 0; n < each; ++n) {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return;
        if (!adopting.server.adopt(ends[1], upgrade_of("/"), client_text("hello"), {.client_address = "192.0.2.1"}))
          return;
        std::string received;
        while (!received.ends_with("hello")) {
          const std::string more = OtherServer::read(ends[0], 1'000);
          if (more.empty()) return;
          received += more;
        }
        ++echoed;
        ::close(ends[0]);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(echoed == threads * each);
}

TEST_CASE("while no executor takes them, at most a backlog of adopted connections waits", "[net]") {
  AsioServerOptions options;
  options.backlog = 2;
  Adopting adopting(options);
  std::promise<void> blocked, go_on;
  adopting.executors.at(0).post([&] {
    blocked.set_value();
    go_on.get_future().wait();
  });
  blocked.get_future().wait();
  std::vector<BlockingClient> clients;
  std::string results;
  int last = -1;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(adopting.other.connect());
    last = adopting.other.accept();
    results += said(adopting.server.adopt(last, upgrade_of("/"))).substr(0, 8) + " ";
  }
  CHECK(results == "adopted adopted no_room: ");
  go_on.set_value();
  ::close(last);
  for (int i = 0; i < 2; ++i)
    CHECK(clients[static_cast<std::size_t>(i)].read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
}

TEST_CASE("a connection that no loop has taken is closed with the server", "[net]") {
  asio::io_context loop;
  OtherServer other;
  BlockingClient client = other.connect();
  {
    TestGateway gateway;
    AsioExecutors executors({loop});
    AsioServer server(executors, gateway);
    REQUIRE(server.adopt(other.accept(), upgrade_of("/")));
  }
  CHECK(client.read_to_end() == end_of_stream);
}
