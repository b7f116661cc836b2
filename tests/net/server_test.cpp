// SPDX-License-Identifier: MIT
// A server's whole life: listening, threads, stopping, and what it leaves behind.
#include <fmt/format.h>
#include <sys/resource.h>

#include <filesystem>
#include <future>
#include <iterator>
#include <set>
#include <string>
#include <thread>

#include "net/support/served.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/log.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/inherited.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

}  // namespace

TEST_CASE("listening fails with a sentence", "[net]") {
  Served served;
  const auto taken = served.server.listen("127.0.0.1", served.port);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code() == ErrorCode::io_failed);
  CHECK(taken.error().context().find("Address already in use") != std::string::npos);
  CHECK(taken.error().context().find(std::to_string(served.port)) != std::string::npos);
  CHECK_FALSE(served.server.listen("no such host.invalid", 0));
  CHECK_FALSE(served.server.listen("", 0));
  CHECK_FALSE(served.server.listen("203.0.113.1", 0));  // not an address of this machine
}

TEST_CASE("a server listens in several places, by name and on IPv6 too", "[net]") {
  Served served;
  const auto second = served.server.listen("localhost", 0);
  REQUIRE(second);
  CHECK(*second != served.port);
  for (const std::uint16_t port : {served.port, *second}) {
    CHECK(BlockingClient(port).upgrade().starts_with("HTTP/1.1 101 "));
  }
}

TEST_CASE("a limit that makes no sense is refused", "[net]") {
  TestGateway gateway;
  AsioExecutors executors(1);
  const auto refuses = [&](ServerLimits limits) {
    CHECK_THROWS_AS(AsioServer(executors, gateway, {.limits = limits}), std::invalid_argument);
  };
  refuses({.message_bytes = 0});
  refuses({.handshake_time = 0ms});
  for (const auto time : {-1ms, std::chrono::milliseconds::max()}) {
    refuses({.handshake_time = time});
    refuses({.close_time = time});
    refuses({.lifetime = time});
  }
}

TEST_CASE("a gateway whose limits make no sense is refused", "[net]") {
  TestGateway gateway({.queued_bytes = 0});
  AsioExecutors executors(1);
  CHECK_THROWS_WITH(AsioServer(executors, gateway), Catch::Matchers::ContainsSubstring("its gateway: queued_bytes"));
}

TEST_CASE("two connections on two threads live on different ones", "[net]") {
  Served served({}, 2);
  std::set<Executor*> used;
  for (int round = 0; round < 3; ++round) {
    auto first = served.enter("/1");
    auto second = served.enter("/2");
    Executor* executors[2] = {};
    served.gateway.with("/1", [&](Door& door) { executors[0] = &door.executor; });
    served.gateway.with("/2", [&](Door& door) { executors[1] = &door.executor; });
    CHECK(executors[0] != executors[1]);
    first.hang_up();
    second.hang_up();
    REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
  }
}

TEST_CASE("many clients on two threads each receive their own echoes", "[net]") {
  Served served({}, 2);
  std::vector<std::thread> threads;
  for (int which = 0; which < 4; ++which) {
    threads.emplace_back([&, which] {
      for (int round = 0; round < 10; ++round) {
        auto client = served.enter();
        for (int i = 0; i < 20; ++i) {
          const std::string text = std::to_string(which) + "/" + std::to_string(round) + "/" + std::to_string(i);
          client.say(text);
          if (client.hear() != "text " + text) throw std::runtime_error("heard another's message");
        }
        client.send(client_close(1000));
        client.hear();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(served.comes_to([](const ServerStats& stats) {
    return stats.opened == 40 && stats.closed_by_peer == 40 && stats.connections == 0 && stats.messages_in == 800;
  }));
}

TEST_CASE("stopping sends close frames behind queued messages, and accepts no new connection", "[net]") {
  Served served({}, 2);
  auto first = served.enter("/1");
  auto second = served.enter("/2");
  auto idle = served.connect();
  served.gateway.with("/1", [](Door& door) { door.say("the last message"); });
  served.server.stop({.window = 0ms});
  CHECK(first.hear() == "text the last message");
  CHECK(first.hear() == "close 1012");
  CHECK(second.hear() == "close 1012");
  first.send(client_close(1012));
  second.send(client_close(1012));
  CHECK(first.hear() == end_of_stream);
  CHECK(idle.read_to_end() == end_of_stream);
  idle.hang_up();
  served.server.wait();
  served.server.wait();
  CHECK(served.gateway.heard.has("closed 1012"));
  const auto stats = served.server.stats();
  CHECK(stats.closed_by_stop == 2);
  CHECK(stats.connections == 0);
  CHECK_THROWS(served.connect());
  CHECK_FALSE(served.server.listen("127.0.0.1", 0));
}

TEST_CASE("stopping disconnects clients that do not answer in time", "[net]") {
  Served served;
  auto deaf = served.enter("/deaf");
  served.gateway.when_opened = [](Door&) {};
  auto waiting = served.connect();
  waiting.send(BlockingClient::upgrade_request("/waiting"));
  REQUIRE(served.gateway.heard.has("open /waiting"));
  const auto begun = std::chrono::steady_clock::now();
  served.server.stop({.window = 0ms, .grace = 50ms});
  served.server.wait();
  CHECK(std::chrono::steady_clock::now() - begun < 1500ms);
  CHECK(served.gateway.heard.has("closed 1012"));
  CHECK(served.gateway.heard.has("closed 1006"));
  CHECK(waiting.read_to_end().starts_with("HTTP/1.1 503 "));
}

TEST_CASE("a request that has begun is answered when the server stops", "[net]") {
  struct Waits : HttpHandler {
    Completion<int> go;
    Transcript seen;
    Task<HttpResponse> handle(const HttpRequest&) override {
      seen.add("request");
      const int status = co_await go;
      co_return HttpResponse(status, "answered");
    }
  } handler;
  AsioServerOptions options;
  options.http = &handler;
  Served served(options);
  auto client = served.connect();
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  REQUIRE(handler.seen.has("request"));
  served.server.stop({.window = 0ms});
  handler.go.resolve(200);
  CHECK(client.read_to_end().ends_with("answered<end>"));
  client.hang_up();
  served.server.wait();
}

TEST_CASE("a handler that never answers is destroyed when the server is cut off", "[net]") {
  struct Never : HttpHandler {
    Completion<int> go;
    Transcript seen;
    Task<HttpResponse> handle(const HttpRequest&) override {
      struct Told {
        Transcript& seen;
        ~Told() { seen.add("destroyed"); }
      } told{seen};
      seen.add("request");
      const int status = co_await go;
      co_return HttpResponse(status, "never");
    }
  } handler;
  AsioServerOptions options;
  options.http = &handler;
  {
    Served served(options);
    auto client = served.connect();
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    REQUIRE(handler.seen.has("request"));
    served.server.stop({.window = 0ms, .grace = 10ms});
    served.server.wait();
  }
  CHECK(handler.seen.lines() == std::vector<std::string>{"request", "destroyed"});
}

TEST_CASE("a server runs on a loop of the application, in one thread", "[net]") {
  asio::io_context loop(1);
  TestGateway gateway;
  AsioExecutors executors({loop});
  auto server = std::make_unique<AsioServer>(executors, gateway);
  const std::uint16_t port = server->listen("127.0.0.1", 0).value();
  std::string heard;
  std::thread client_thread([&] {
    BlockingClient client(port);
    client.upgrade();
    client.say("hello");
    heard = client.hear();
    server->stop({.window = 0ms, .grace = 50ms, .reason = close_code::going_away});
    heard += ", " + client.hear();
    client.send(client_close(1001));
    client.hear();
    server->wait();
    loop.stop();
  });
  loop.run();
  client_thread.join();
  CHECK(heard == "text hello, close 1001");
  CHECK(gateway.heard.lines() == std::vector<std::string>{"open /", "said hello", "stop", "closed 1001"});
}

TEST_CASE("connections left when the loop has ended are closed and notified, but no job runs", "[net]") {
  bool ran = false;
  asio::io_context loop(1);
  TestGateway gateway;
  AsioExecutors executors({loop});
  {
    AsioServer server(executors, gateway);
    const std::uint16_t port = server.listen("127.0.0.1", 0).value();
    BlockingClient client(port);
    client.send(BlockingClient::upgrade_request());
    while (gateway.heard.lines().empty()) loop.run_one();
    loop.poll();
    executors.at(0).post([&] { ran = true; });
  }
  CHECK(gateway.heard.lines() == std::vector<std::string>{"open /", "closed 1012"});
  CHECK_FALSE(ran);
}

TEST_CASE("a program that the process starts holds none of a server's sockets", "[net]") {
  const int before = test::inherited_descriptors();
  Served served;
  const auto client = served.enter();
  CHECK(test::inherited_descriptors() == before + 1);  // the client's own
}

TEST_CASE("a server that started and stopped leaves no descriptor open", "[net]") {
  { Served warm_up({}, 2); }
  const auto before = open_descriptors();
  {
    Served served({}, 2);
    std::vector<BlockingClient> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(served.enter());
    for (int i = 0; i < 5; ++i) clients[static_cast<std::size_t>(i)].reset();
    for (int i = 5; i < 10; ++i) clients[static_cast<std::size_t>(i)].send(client_close(1000));
    auto refused = served.connect();
    refused.send("garbage\r\n\r\n");
    refused.read_to_end();
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("a destroyed server leaves nothing behind in executors that keep running", "[net]") {
  std::promise<void> reached, release;  // before the executors, whose job uses them
  AsioExecutors executors(2);
  TestGateway gateway;
  const auto a_life = [&](bool held) {
    AsioServer server(executors, gateway);
    CHECK(server.listen("127.0.0.1", 0));
    server.stop();
    server.wait();
    // What the destructor asks of this executor, it can't answer before the server has gone.
    if (!held) return;
    executors.at(1).post([&] {
      reached.set_value();
      release.get_future().wait();
    });
    reached.get_future().wait();
  };
  a_life(false);
  for (int round = 0; round < 3; ++round) {  // what its end has asked of executors, and they of each other
    for (std::size_t i = 0; i < executors.size(); ++i) run_on(executors.at(i), [] {});
  }
  const auto before = open_descriptors();
  a_life(true);
  const bool nothing_left = eventually([&] { return open_descriptors() == before; }, 10s);
  release.set_value();
  CHECK(nothing_left);
}

namespace {

// Returns once a job has run that was posted to run after this time.
void run_after(Executor& executor, std::chrono::milliseconds time) {
  std::promise<void> done;
  executor.post_after(time, [&done] { done.set_value(); });
  done.get_future().wait();
}

}  // namespace

TEST_CASE("a server without descriptors logs once, waits, and accepts again when some are free", "[net]") {
  const LogCapture log;
  Served served;
  auto client = served.connect();
  REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.accepted == 1; }));
  rlimit normal{};
  ::getrlimit(RLIMIT_NOFILE, &normal);
  auto queued = served.connect();  // its own descriptor is taken before the limit falls
  REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.accepted == 2; }));
  const int free_descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  CHECK(fmt::format("{}{}", std::string("UBSan wants descriptors to see a type"), std::string(600, '.')).size() > 600);
  rlimit none = normal;
  none.rlim_cur = static_cast<rlim_t>(free_descriptor) + 1;
  ::setrlimit(RLIMIT_NOFILE, &none);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(served.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = ::connect(free_descriptor, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  const bool told = eventually(
      [&] { return log.text() == "accept: Too many open files; new connections wait until it succeeds again\n"; });
  // The acceptor tries again each 100 ms, on this executor: once before each of these jobs.
  for (int attempt = 0; attempt < 3; ++attempt) run_after(served.executors.at(0), 100ms);
  ::setrlimit(RLIMIT_NOFILE, &normal);  // before any check: UBSan wants descriptors for its own
  REQUIRE(connected);
  CHECK(told);
  CHECK(log.size() == 1);
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.accepted == 3; }));
  ::close(free_descriptor);
}
