// SPDX-License-Identifier: MIT
// The orders in which a program may end servers, executors and itself.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <thread>

#include "net/support/served.hpp"
#include "sluice/net/signals.hpp"
#include "support/catch.hpp"
#include "support/death.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

TEST_CASE("two servers may be destroyed together once the executors have stopped", "[net]") {
  for (int round = 0; round < 20; ++round) {
    TestGateway gateway;
    AsioExecutors executors(2);
    auto first = std::make_unique<AsioServer>(executors, gateway);
    auto second = std::make_unique<AsioServer>(executors, gateway);
    BlockingClient one(first->listen("127.0.0.1", 0).value()), other(second->listen("127.0.0.1", 0).value());
    REQUIRE(one.upgrade("/one").starts_with("HTTP/1.1 101"));
    REQUIRE(other.upgrade("/other").starts_with("HTTP/1.1 101"));
    executors.stop();
    std::thread destroyer([&] { first.reset(); });
    second.reset();
    destroyer.join();
    const auto lines = gateway.heard.lines();
    CHECK(std::ranges::count(lines, "closed 1012") == 2);
  }
}

TEST_CASE("a server that is destroyed on its own executor aborts with a message", "[net]") {
  const std::string words = last_words_of([] {
    TestGateway gateway;
    AsioExecutors executors(1);
    auto server = std::make_unique<AsioServer>(executors, gateway);
    (void)server->listen("127.0.0.1", 0);
    run_on(executors.at(0), [&] { server.reset(); });
  });
  CHECK(words.starts_with("aborted: "));
  CHECK(words.find("~AsioServer() on one of the server's executors would wait for itself") != words.npos);
}

TEST_CASE("a server that has ended may be destroyed on its own executor", "[net]") {
  TestGateway gateway;
  AsioExecutors executors(2);
  auto server = std::make_unique<AsioServer>(executors, gateway);
  CHECK(server->listen("127.0.0.1", 0));
  server->stop({.window = 0ms});
  server->wait();
  run_on(executors.at(0), [&] { server.reset(); });
}

TEST_CASE("a signal to a forked child ends the child, not the parent's wait", "[net]") {
  StopSignals signals;
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  ::kill(child, SIGTERM);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGTERM);
  ::raise(SIGINT);
  CHECK(signals.wait() == SIGINT);
}

TEST_CASE("signals are as they were once one has been waited for", "[net]") {
  struct sigaction before {
  }, after{};
  ::sigaction(SIGTERM, nullptr, &before);
  for (int round = 0; round < 2; ++round) {
    StopSignals signals;
    CHECK_THROWS_AS(StopSignals(), std::logic_error);
    ::raise(SIGTERM);
    CHECK(signals.wait() == SIGTERM);
    ::sigaction(SIGTERM, nullptr, &after);
    CHECK(after.sa_handler == before.sa_handler);
  }
}
