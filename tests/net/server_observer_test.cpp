// SPDX-License-Identifier: MIT
// What a server reports to its observers: connections, requests, WebSockets.
#include <fmt/format.h>

#include <stdexcept>

#include "net/support/served.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/net/server_observer.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Writes each call as a line, without ports and times, which differ from run to run.
class Lines final : public ServerObserver {
 public:
  void connection_accepted(const ObservedSocket& socket) override { add(socket, "accepted"); }
  void connection_refused(const ObservedSocket& socket, ConnectionRefusal cause) override {
    add(socket, fmt::format("refused {}", to_string(cause)));
  }
  void http_answered(const ObservedSocket& socket, const HttpAnswer& answer) override {
    if (answer.duration < 0ns || answer.duration > 1min) add(socket, "BUG: a duration that can't be");
    add(socket, fmt::format("{} {} [{}] {}{}", answer.method, answer.path, answer.route, answer.status,
                            answer.complete ? "" : " cut"));
  }
  void websocket_opened(const ObservedSocket& socket, std::string_view path) override {
    add(socket, fmt::format("opened {}", path));
  }
  void websocket_closed(const ObservedSocket& socket, const WebSocketEnd& end) override {
    if (end.duration < 0ns || end.duration > 1min) add(socket, "BUG: a duration that can't be");
    bytes_in = end.bytes_in;
    bytes_out = end.bytes_out;
    add(socket,
        fmt::format("closed {} {} by {}: {}", end.reason.code(), end.reason.text(), to_string(end.by), end.cause));
  }
  void output_waited(std::size_t bytes) override { most_waited = std::max(most_waited.load(), bytes); }

  Transcript transcript;
  std::atomic<std::uint64_t> bytes_in{0}, bytes_out{0};
  std::atomic<std::size_t> most_waited{0};

 private:
  void add(const ObservedSocket& socket, std::string_view what) {
    const bool local = socket.client_address.starts_with("127.0.0.1:");
    transcript.add(fmt::format("{}{} {}", socket.id, local ? "" : " at " + std::string(socket.client_address), what));
  }
};

class Pages final : public HttpHandler {
 public:
  Task<HttpResponse> handle(const HttpRequest& request) override {
    if (request.path() == "/throw") throw std::runtime_error("no such page");
    return HttpResponse(200, "hello\n").set_route("/pages/{name}");
  }
};

struct Watched {
  explicit Watched(AsioServerOptions options = {}) : served(with(std::move(options))) {}
  AsioServerOptions with(AsioServerOptions options) {
    options.observers = {observer};
    options.http = &pages;
    return options;
  }
  bool has(std::string_view line) const { return observer->transcript.has(line); }

  std::shared_ptr<Lines> observer = std::make_shared<Lines>();
  Pages pages;
  Served served;
};

}  // namespace

TEST_CASE("observers see requests with their route and status, and the server's own answers", "[net]") {
  const LogCapture quiet;
  Watched world;
  BlockingClient client = world.served.connect();
  client.send("GET /pages/first?token=secret HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK_THAT(client.read_until("hello\n"), ContainsSubstring("200"));
  client.send("GET /throw HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK_THAT(client.read_until("error\n"), ContainsSubstring("500"));
  client.send("NOT HTTP\r\n\r\n");
  client.read_to_end();
  REQUIRE(world.has("1   [] 400"));
  CHECK(world.observer->transcript.lines() == std::vector<std::string>{"1 accepted",
                                                                       "1 GET /pages/first [/pages/{name}] 200",
                                                                       "1 GET /throw [] 500", "1   [] 400"});
}

TEST_CASE("observers see a WebSocket with the bytes of its connection and who ended it", "[net]") {
  Watched world;
  BlockingClient client = world.served.enter("/room?token=secret");
  client.say("hello");
  CHECK(client.hear() == "text hello");
  client.send(client_close(4001, "bye"));
  CHECK(client.read_to_end().ends_with(end_of_stream));
  REQUIRE(world.has("1 closed 4001 bye by client: by_peer"));
  CHECK(world.observer->transcript.lines() ==
        std::vector<std::string>{"1 accepted", "1 opened /room", "1 closed 4001 bye by client: by_peer"});
  const ServerStats stats = world.served.server.stats();
  CHECK(world.observer->bytes_in == stats.bytes_in);
  CHECK(world.observer->bytes_out == stats.bytes_out);
  CHECK(world.observer->bytes_out > 0);
}

TEST_CASE("observers see whether a client, a gateway, a stop or a limit ended a WebSocket", "[net]") {
  Watched world({.limits = {.message_bytes = 100}});
  world.served.gateway.when_said = [](Door& door, const Message&) { door.connection->close(CloseReason(4000)); };
  world.served.enter("/").say("close");
  CHECK(world.has("1 closed 4000  by gateway: by_gateway"));
  world.served.enter("/").say(std::string(101, 'x'));
  CHECK(world.has("2 closed 1009 the message is too big by limit: too_big"));
  world.served.enter("/").hang_up();
  CHECK(world.has("3 closed 1006  by client: vanished"));
  BlockingClient last = world.served.enter("/");
  world.served.server.stop({.window = 0ms});
  last.read_to_end();
  CHECK(world.has("4 closed 1012  by stop: by_stop"));
}

TEST_CASE("observers see refused connections and handshakes with their cause", "[net]") {
  Watched world({.limits = {.connections = 1, .refusals_per_address = {1, 1}}});
  world.served.gateway.when_opened = [](Door& door) { door.connection->deny(Denial(403)); };
  {
    BlockingClient first = world.served.connect();
    first.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    first.read_until("hello\n");
    BlockingClient second = world.served.connect();
    second.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK_THAT(second.read_to_end(), ContainsSubstring("503"));
    CHECK(world.has("2 refused server_full"));
    CHECK(world.has("2   [] 503"));
  }
  REQUIRE(world.served.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
  BlockingClient third = world.served.connect();
  CHECK_THAT(third.upgrade("/denied"), ContainsSubstring("403"));
  CHECK(world.has("3 GET /denied [] 403"));
  third.hang_up();
  REQUIRE(world.served.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
  int id = 3;  // the address is forgiven one attempt in a second, so that a slow machine needs more of them
  const bool turned_away = eventually([&] {
    ++id;
    BlockingClient next = world.served.connect();
    const std::string answer = next.upgrade("/again");
    next.hang_up();
    REQUIRE(world.served.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
    return answer.find("429") != answer.npos;
  });
  REQUIRE(turned_away);
  CHECK(world.has(fmt::format("{} refused too_many_refusals", id)));
  CHECK(world.has(fmt::format("{} GET /again [] 429", id)));
}

TEST_CASE("behind a proxy observers see the client's address", "[net]") {
  Watched world({.proxies = {.trusted = {"127.0.0.1"}}});
  BlockingClient client = world.served.connect();
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n");
  client.read_until("hello\n");
  CHECK(world.has("1 at 192.0.2.7:0 GET / [/pages/{name}] 200"));
}

TEST_CASE("observers see how many bytes wait for a client that does not read", "[net]") {
  Watched world;
  BlockingClient client = world.served.enter("/slow", small_buffer);
  world.served.gateway.with("/slow", [](Door& door) { door.fill(500'000); });
  client.hang_up();
  CHECK(eventually([&] { return world.observer->most_waited > 100'000; }));
}

TEST_CASE("a request whose client leaves before the answer is reported as cut", "[net]") {
  struct Waits final : HttpHandler {
    Task<HttpResponse> handle(const HttpRequest&) override {
      co_await gate;
      co_return HttpResponse();
    }
    Completion<int> gate;
  };
  const auto observer = std::make_shared<Lines>();
  Waits waits;
  AsioServerOptions options;
  options.observers = {observer};
  options.http = &waits;
  Served served(options);
  BlockingClient client = served.connect();
  client.send("GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n");
  REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.http_requests == 1; }));
  client.reset();
  CHECK(observer->transcript.has("1 GET /long [] 0 cut"));
  waits.gate.resolve(1);
}

TEST_CASE("an exception of a server's observer is logged and affects no connection", "[net]") {
  struct Throws final : ServerObserver {
    void connection_accepted(const ObservedSocket&) override { throw std::runtime_error("out of order"); }
    void websocket_opened(const ObservedSocket&, std::string_view) override { throw 7; }
  };
  const LogCapture log(LogLevel::error);
  const auto next = std::make_shared<Lines>();
  AsioServerOptions options;
  options.observers = {std::make_shared<Throws>(), next};
  Served served(options);
  BlockingClient client = served.enter("/");
  client.say("hello");
  CHECK(client.hear() == "text hello");
  CHECK(next->transcript.has("1 opened /"));
  CHECK_THAT(log.text(), ContainsSubstring("an observer threw: out of order"));
}
