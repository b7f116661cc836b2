// SPDX-License-Identifier: MIT
// The choice of an executor for a connection, and the effect of a stall of one or all of them.
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "net/support/names.hpp"
#include "net/support/served.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

// Answers with the number of the executor.
class WhoServes : public HttpHandler {
 public:
  Task<HttpResponse> handle(const HttpRequest&) override {
    return HttpResponse(200, std::to_string(reinterpret_cast<std::uintptr_t>(Executor::current())));
  }
};

AsioServerOptions answered_by(HttpHandler& handler, ServerLimits limits = {}) {
  AsioServerOptions options;
  options.http = &handler;
  options.limits = limits;
  return options;
}

constexpr std::string_view last_request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

std::string body_of(const std::string& answer) {
  const auto at = answer.find("\r\n\r\n");
  return answer.starts_with("HTTP/1.1 200") && at != answer.npos ? answer.substr(at + 4) : answer;
}

// An executor that does nothing else, from here to release().
class Blocked {
 public:
  explicit Blocked(Executor& executor) {
    executor.post([this] {
      reached_.set_value();
      release_.get_future().wait();
      left_.set_value();
    });
    reached_.get_future().wait();
  }
  void release() { release_.set_value(), left_.get_future().wait(); }

 private:
  std::promise<void> reached_, release_, left_;
};

}  // namespace

TEST_CASE("requests one after the other go round the executors", "[net]") {
  WhoServes handler;
  Served served(answered_by(handler), 4);
  std::map<std::string, int> by;
  for (int i = 0; i < 40; ++i) {
    auto client = served.connect();
    client.send(last_request);
    ++by[body_of(client.read_to_end())];
    client.hang_up();
    REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.connections == 0; }));
  }
  CHECK(by.size() == 4);
  for (const auto& [executor, count] : by) CHECK(count == 10);
}

TEST_CASE("while an executor is blocked, whichever it is, the others serve all new clients", "[net]") {
  WhoServes handler;
  const std::size_t which = GENERATE(0, 1, 2);
  Served served(answered_by(handler), 3);
  Blocked blocked(served.executors.at(which));
  std::map<std::string, int> by;
  for (int i = 0; i < 12; ++i) {
    auto client = served.connect();
    client.set_patience(20'000);
    client.send(last_request);
    ++by[body_of(client.read_to_end())];
  }
  blocked.release();
  CHECK(by.size() == 2);
  CHECK_FALSE(by.contains(std::to_string(reinterpret_cast<std::uintptr_t>(&served.executors.at(which)))));
  CHECK(served.comes_to([](const ServerStats& stats) { return stats.accepted == 12 && stats.connections == 0; }));
}

TEST_CASE("a connection that no executor takes is served by the first that is free again", "[net]") {
  WhoServes handler;
  Served served(answered_by(handler), 2);
  Blocked first(served.executors.at(0)), second(served.executors.at(1));
  std::vector<BlockingClient> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(served.connect());
    clients.back().send(last_request);
  }
  second.release();
  const std::string free_one = std::to_string(reinterpret_cast<std::uintptr_t>(&served.executors.at(1)));
  for (BlockingClient& client : clients) CHECK(body_of(client.read_to_end()) == free_one + "<end>");
  first.release();
}

TEST_CASE("requests that arrived while the server was blocked are answered, however many", "[net]") {
  WhoServes handler;
  ServerLimits limits;
  limits.handshake_time = 200ms;
  Served served(answered_by(handler, limits));
  constexpr std::size_t count = 600;  // more than are told of in one turn
  std::vector<BlockingClient> clients;
  for (std::size_t i = 0; i < count; ++i) clients.push_back(served.connect());
  REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.connections == count; }));
  Blocked blocked(served.executors.at(0));
  const auto late = std::chrono::steady_clock::now() + 2 * limits.handshake_time;
  for (BlockingClient& client : clients) client.send(last_request);
  std::this_thread::sleep_until(late);
  blocked.release();
  std::map<std::string, std::size_t> ends;
  for (BlockingClient& client : clients) ++ends[client.read_to_end().substr(0, 12)];
  CHECK(ends == std::map<std::string, std::size_t>{{"HTTP/1.1 200", count}});
}

TEST_CASE("a body that arrived while the server was blocked is answered, an incomplete one is not", "[net]") {
  WhoServes handler;
  ServerLimits limits;
  limits.handshake_time = 200ms;
  Served served(answered_by(handler, limits));
  auto whole = served.connect(), half = served.connect(), silent = served.connect();
  REQUIRE(served.comes_to([](const ServerStats& stats) { return stats.connections == 3; }));
  Blocked blocked(served.executors.at(0));
  const auto late = std::chrono::steady_clock::now() + 2 * limits.handshake_time;
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 600000\r\n\r\n";
  std::thread sender([&] { whole.send(post + std::string(600'000, 'b')); });
  half.send(post + "b");
  std::this_thread::sleep_until(late);
  blocked.release();
  CHECK(whole.read_to_end().starts_with("HTTP/1.1 200"));
  CHECK(half.read_to_end().starts_with("HTTP/1.1 408"));
  CHECK(silent.read_to_end() == end_of_stream);
  sender.join();
}

TEST_CASE("a name is listened on at those of its addresses that the machine has", "[net]") {
  const Names names;
  Served served;
  const auto port = served.server.listen("two.test", 0);
  REQUIRE(port);
  CHECK(BlockingClient(*port).upgrade().starts_with("HTTP/1.1 101 "));
  const auto taken = served.server.listen("two.test", *port);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().context().find("Address already in use") != std::string::npos);
}

TEST_CASE("a server runs on one io_context that four threads run", "[net]") {
  asio::io_context loop;
  TestGateway gateway;
  AsioExecutors executors({loop, loop, loop});
  AsioServer server(executors, gateway);
  const std::uint16_t port = server.listen("127.0.0.1", 0).value();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { loop.run(); });
  std::vector<std::thread> clients;
  std::atomic<int> echoed{0};
  for (int which = 0; which < 6; ++which) {
    clients.emplace_back([&, which] {
      BlockingClient client(port);
      client.upgrade("/" + std::to_string(which));
      for (int i = 0; i < 200; ++i) {
        const std::string text = std::to_string(which) + "/" + std::to_string(i);
        client.say(text);
        echoed += client.hear() == "text " + text;
      }
      client.send(client_close(1000));
      client.hear();
    });
  }
  for (std::thread& client : clients) client.join();
  server.stop({.window = 0ms, .grace = 1s});
  server.wait();
  loop.stop();
  for (std::thread& thread : threads) thread.join();
  CHECK(echoed == 1'200);
  CHECK(server.stats().closed_by_peer == 6);
}
