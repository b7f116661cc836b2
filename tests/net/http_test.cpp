// SPDX-License-Identifier: MIT
// Plain requests on the same port.
#include <stdexcept>
#include <string>

#include "net/support/served.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/log.hpp"
#include "support/catch.hpp"
#include "support/silence.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

class Pages : public HttpHandler {
 public:
  Task<HttpResponse> handle(const HttpRequest& request) override {
    if (request.path() == "/health") return HttpResponse(200, "ok\n");
    if (request.path() == "/echo") return HttpResponse(200, request.method() + " " + request.body());
    if (request.path() == "/large") return HttpResponse(200, std::string(5'000'000, 'x'));
    if (request.path() == "/throws") throw std::runtime_error("boom");
    if (request.path() == "/throws-later") return throws_later();
    if (request.path() == "/breaks-out") return HttpResponse(200, "x").add_header("a", "b\r\nc: d");
    if (request.path() == "/waits") return waits(request);
    return HttpResponse(404, "nothing here\n");
  }
  Completion<std::string> answer;

 private:
  Task<HttpResponse> throws_later() {
    co_await Task<>();
    throw std::runtime_error("boom");
  }
  Task<HttpResponse> waits(const HttpRequest& request) {
    auto arrived = co_await answer;
    co_return HttpResponse(200, arrived + std::string(request.path()));
  }
};

std::string get(std::string_view path, std::string_view more = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(more) + "\r\n";
}
std::string post(std::string_view path, std::string_view body, std::string_view more = {}) {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more) +
         "\r\n" + std::string(body);
}

// The status and body of the next response.
std::string response(BlockingClient& client, bool has_body = true) {
  const std::string head = client.read_until("\r\n\r\n");
  const auto length = head.find("Content-Length: ");
  const std::size_t bytes = length == head.npos || !has_body ? 0 : std::stoul(head.substr(length + 16));
  return head.substr(9, 3) + " " + client.read_exactly(bytes);
}

struct Site : Pages, Served {
  explicit Site(AsioServerOptions options = {}) : Served(with_handler(options, this)) {}
  static AsioServerOptions with_handler(AsioServerOptions options, HttpHandler* handler) {
    options.http = handler;
    return options;
  }
};

}  // namespace

TEST_CASE("requests on one connection are answered in order, however they come", "[net]") {
  Site site;
  auto client = site.connect();
  client.send(get("/health"));
  CHECK(response(client) == "200 ok\n");
  client.send(get("/health") + post("/echo", "one") + get("/nowhere") + post("/echo", "two"));
  CHECK(response(client) == "200 ok\n");
  CHECK(response(client) == "200 POST one");
  CHECK(response(client) == "404 nothing here\n");
  CHECK(response(client) == "200 POST two");
  client.send_bytewise(post("/echo", "drop by drop"));
  CHECK(response(client) == "200 POST drop by drop");
  CHECK(site.server.stats().http_requests == 6);
  CHECK(site.server.stats().accepted == 1);
}

TEST_CASE("a connection ends after the response when either side wants it", "[net]") {
  Site site;
  auto client = site.connect();
  client.send(get("/health", "Connection: close\r\n"));
  const std::string all = client.read_to_end();
  CHECK(all.find("\r\nConnection: close\r\n") != all.npos);
  CHECK(all.ends_with("ok\n<end>"));
  auto old = site.connect();
  old.send("GET /health HTTP/1.0\r\n\r\n");
  CHECK(old.read_to_end().ends_with("ok\n<end>"));
  auto polite = site.connect();
  polite.send(get("/health"));
  polite.end_sending();
  CHECK(response(polite) == "200 ok\n");
  CHECK(polite.read_to_end() == end_of_stream);
}

TEST_CASE("HEAD is answered with the length and without the body", "[net]") {
  Site site;
  auto client = site.connect();
  client.send("HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n" + get("/health"));
  const std::string head = client.read_until("\r\n\r\n");
  CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(head.find("Content-Length: 3\r\n") != head.npos);
  CHECK(response(client) == "200 ok\n");
}

TEST_CASE("a HEAD that is refused is answered without content, wherever it is refused", "[net]") {
  AsioServerOptions options;
  options.limits.handshake_time = 100ms;
  Site site(options);
  for (const std::string_view rest :
       {"Host: a\r\nHost: b\r\n\r\n", "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "no colon\r\n",
        "Host: a\r\nContent-Length: 9999999\r\n\r\n", "Host: half a request\r\n"}) {
    auto client = site.connect();
    client.send("HEAD / HTTP/1.1\r\n" + std::string(rest));
    const std::string answer = client.read_to_end();
    CAPTURE(rest);
    CHECK(answer.starts_with("HTTP/1.1 4"));
    CHECK(answer.ends_with("\r\n\r\n<end>"));
  }
  auto client = site.connect();
  client.send(get("/health"));
  CHECK(response(client) == "200 ok\n");
  client.send("HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(response(client, false) == "200 ");
  client.send("nonsense\r\n");  // what came before it was a HEAD, this is not
  CHECK(client.read_to_end().ends_with("the request line has not three parts\n<end>"));
}

TEST_CASE("a body past the limit is refused, and its sender still reads the answer", "[net]") {
  AsioServerOptions options;
  options.limits.body_bytes = 1'000;
  Site site(options);
  auto client = site.connect();
  client.send(post("/echo", std::string(1'000, 'x')));
  CHECK(response(client) == "200 POST " + std::string(1'000, 'x'));
  client.send(post("/echo", std::string(200'000, 'x')));
  CHECK(client.read_to_end().starts_with("HTTP/1.1 413 "));
}

TEST_CASE("a body that expects 100 Continue gets it", "[net]") {
  Site site;
  auto client = site.connect();
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hi");
  CHECK(response(client) == "200 POST hi");
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi");
  CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(response(client) == "200 POST hi");
}

TEST_CASE("a handler may wait, and the requests behind it wait too", "[net]") {
  Site site;
  auto client = site.connect();
  auto other = site.connect();
  client.send(get("/waits") + get("/health"));
  CHECK(client.hears_nothing_for(30));
  other.send(get("/health"));
  CHECK(response(other) == "200 ok\n");
  site.answer.resolve("late: ");
  CHECK(response(client) == "200 late: /waits");
  CHECK(response(client) == "200 ok\n");
}

TEST_CASE("a client that disconnects during its handler is noticed, one that only half-closes is answered", "[net]") {
  AsioServerOptions options;
  options.limits.handshake_time = 100ms;
  const std::string_view how = GENERATE("stays", "says no more", "resets", "hangs up");
  Site site(how == "resets" || how == "hangs up" ? options : AsioServerOptions());
  auto client = site.connect();
  client.send(get("/waits"));
  REQUIRE(site.comes_to([](const ServerStats& stats) { return stats.http_requests == 1; }));
  if (how == "says no more") client.end_sending();
  if (how == "resets") client.reset();
  if (how == "hangs up") client.hang_up();
  const bool gone = how == "resets" || how == "hangs up";
  if (gone) CHECK(site.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
  site.answer.resolve("here: ");  // the handler of one who has gone may finish
  if (!gone) CHECK(response(client) == "200 here: /waits");
}

TEST_CASE("a handler that throws, or returns an invalid response, is answered with 500", "[net]") {
  const Silence silence;
  Site site;
  auto client = site.connect();
  for (const char* path : {"/throws", "/throws-later", "/breaks-out"}) {
    client.send(get(path));
    CHECK(response(client) == "500 internal error\n");
  }
}

TEST_CASE("a large response reaches a slow reader", "[net]") {
  Site site;
  auto client = site.connect(4096);
  client.send(get("/large") + get("/health"));
  CHECK(response(client).size() == 4 + 5'000'000);
  CHECK(response(client) == "200 ok\n");
}

TEST_CASE("without a handler every plain request is 404", "[net]") {
  Served served;
  auto client = served.connect();
  client.send(get("/") + get("/ws/core/"));
  CHECK(response(client) == "404 not found\n");
  CHECK(response(client) == "404 not found\n");
}

TEST_CASE("a connection may speak HTTP first and become a WebSocket then", "[net]") {
  Site site;
  auto client = site.connect();
  client.send(get("/health") + BlockingClient::upgrade_request("/socket") + client_text("hi"));
  CHECK(response(client) == "200 ok\n");
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  CHECK(client.hear() == "text hi");
}

TEST_CASE("garbage is answered 400 and counted", "[net]") {
  Served served;
  auto client = served.connect();
  client.send("\x16\x03\x01\x02\x00 this is not HTTP\r\n\r\n");
  CHECK(client.read_to_end().starts_with("HTTP/1.1 400 "));
  auto bad_version = served.connect();
  CHECK(bad_version.upgrade("/", "Sec-WebSocket-Version: 8\r\n").starts_with("HTTP/1.1 426 "));
  CHECK(served.server.stats().refused == std::vector<std::pair<int, std::uint64_t>>{{400, 1}, {426, 1}});
}

TEST_CASE("a request with ambiguous framing ends its connection, and nothing behind it is read", "[net]") {
  struct Refused {
    std::string head;
    int status;
  };
  const std::string upgrade =
      "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
  const std::vector<Refused> cases = {
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 30\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
      {"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n folded: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: x\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: x\r\nContent-Length : 4\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n"s, 400},
      {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
      {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n", 417},
      {upgrade + "Content-Length: 4\r\n\r\nbody", 400},
      {upgrade + "Transfer-Encoding: chunked\r\n\r\n", 411},
  };
  Site site;
  for (const Refused& one : cases) {
    INFO(one.head);
    auto client = site.connect();
    client.send(get("/health") + one.head + get("/smuggled"));
    CHECK(response(client) == "200 ok\n");
    const std::string rest = client.read_to_end();
    CHECK(rest.starts_with("HTTP/1.1 " + std::to_string(one.status) + " "));
    CHECK(rest.find("HTTP/1.1", 9) == rest.npos);
    CHECK(rest.find("Connection: close\r\n") != rest.npos);
  }
  CHECK(site.server.stats().http_requests == cases.size());  // the first of each
}

TEST_CASE("a head too long, and one of too many headers, are refused and counted", "[net]") {
  AsioServerOptions options;
  options.limits.head_bytes = 1'000;
  options.limits.header_count = 10;
  Served served(options);
  auto full = served.connect();
  full.send(get("/", "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: 6\r\nG: 7\r\nH: 8\r\nI: 9\r\n"));
  CHECK(response(full) == "404 not found\n");
  auto many = served.connect();
  many.send(get("/", "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: 6\r\nG: 7\r\nH: 8\r\nI: 9\r\nJ: 10\r\n"));
  CHECK(many.read_to_end().starts_with("HTTP/1.1 431 "));
  auto endless = served.connect();
  endless.send("GET / HTTP/1.1\r\nX: " + std::string(2'000, 'x'));
  CHECK(endless.read_to_end().starts_with("HTTP/1.1 431 "));
  CHECK(served.server.stats().refused == std::vector<std::pair<int, std::uint64_t>>{{431, 2}});
}

TEST_CASE("half a handshake is answered 408, a silent connection is closed", "[net]") {
  AsioServerOptions options;
  options.limits.handshake_time = 1s;
  options.limits.close_time = 100ms;
  Site site(options);
  auto half = site.connect();
  auto silent = site.connect();
  half.send("GET / HTTP/1.1\r\nHos");
  CHECK(half.read_to_end().starts_with("HTTP/1.1 408 "));
  CHECK(silent.read_to_end() == end_of_stream);
  auto dripping = site.connect();
  while (dripping.send("G")) std::this_thread::sleep_for(50ms);
  CHECK(dripping.read_to_end().find("HTTP/1.1 ") == 0);
  auto idle = site.connect();
  idle.send(get("/health"));
  CHECK(response(idle) == "200 ok\n");
  CHECK(idle.read_to_end() == end_of_stream);
}

TEST_CASE("connections above the limit are answered with 503", "[net][SC-13]") {
  AsioServerOptions options;
  options.limits.connections = 2;
  Served served(options);
  auto first = served.enter();
  auto second = served.enter();
  CHECK(served.connect().upgrade().starts_with("HTTP/1.1 503 "));
  CHECK(served.server.stats().server_full == 1);
  first.hang_up();
  REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.connections == 1; }));
  CHECK(served.connect().upgrade().starts_with("HTTP/1.1 101 "));
}

TEST_CASE("most connections of a flood above a limit are closed without a response", "[net][SC-13]") {
  constexpr std::size_t most_that_are_told = 64;
  AsioServerOptions options;
  options.limits.connections = 1;
  Served served(options);
  auto first = served.enter();
  std::vector<BlockingClient> flood;
  for (std::size_t i = 0; i < most_that_are_told; ++i) flood.push_back(served.connect());
  REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.connections == 1 + most_that_are_told; }));
  CHECK(served.connect().read_to_end() == end_of_stream);
  CHECK(served.server.stats().refused == std::vector<std::pair<int, std::uint64_t>>{{503, 1}});
  CHECK(flood.back().upgrade().starts_with("HTTP/1.1 503 "));
}

TEST_CASE("connections above the limit of an address are answered with 503", "[net][SC-13]") {
  AsioServerOptions options;
  options.limits.connections_per_address = 1;
  Served served(options);
  auto first = served.enter();
  auto second = served.connect();
  second.send(get("/"));
  CHECK(second.read_until("\r\n\r\n").starts_with("HTTP/1.1 503 "));
  CHECK(served.server.stats().address_full == 1);
  CHECK(served.server.stats().refused == std::vector<std::pair<int, std::uint64_t>>{{503, 1}});
}
