// SPDX-License-Identifier: MIT
#include "net/limits/websocket_limits.hpp"

#include "support/catch.hpp"

using namespace sluice;
using namespace std::chrono_literals;
using net::RateLimits;
using net::Tick;
using net::WebSocketLimits;
using Verdict = WebSocketLimits::Verdict;

namespace {

// The limits of a server with a clock that the test sets, in milliseconds.
struct Server {
  explicit Server(const ServerLimits& chosen) : limits(chosen), rates(chosen) {}

  net::LimitsNow at(Tick tick) const {
    return {limits, rates, tick, net::RateLimiter::Time(std::chrono::milliseconds(1'000'000 + tick))};
  }

  const ServerLimits limits;
  const RateLimits rates;
};

ServerLimits no_limits() {
  ServerLimits limits;
  limits.ping_every = limits.message_time = 0ms;
  limits.message_rate = limits.byte_rate = {};
  return limits;
}

}  // namespace

TEST_CASE("a message that takes too long is late, whatever else arrives", "[net]") {
  ServerLimits limits = no_limits();
  limits.message_time = 10s;
  const Server server(limits);
  WebSocketLimits checked;
  checked.begin(server.at(0), 0);
  CHECK_FALSE(checked.next_check(server.at(0)));
  CHECK(checked.message_begun(server.at(1'000)));
  CHECK_FALSE(checked.message_begun(server.at(5'000)));
  checked.on_alive(5'000);
  CHECK(checked.next_check(server.at(5'000)) == 6s);
  CHECK(checked.check(server.at(10'999), true) == Verdict::ok);
  CHECK(checked.check(server.at(11'000), true) == Verdict::message_late);
}

TEST_CASE("the time of a message does not run while the connection is not read", "[net]") {
  ServerLimits limits = no_limits();
  limits.message_time = 10s;
  const Server server(limits);
  WebSocketLimits checked;
  checked.begin(server.at(0), 0);
  CHECK(checked.message_begun(server.at(0)));
  CHECK(checked.check(server.at(15'000), false) == Verdict::ok);
  CHECK(checked.check(server.at(24'999), true) == Verdict::ok);
  CHECK(checked.check(server.at(25'000), true) == Verdict::message_late);
}

TEST_CASE("a message that has ended is not late", "[net]") {
  ServerLimits limits = no_limits();
  limits.message_time = 10s;
  const Server server(limits);
  WebSocketLimits checked;
  checked.begin(server.at(0), 0);
  CHECK(checked.message_begun(server.at(0)));
  checked.message_ended();
  CHECK_FALSE(checked.next_check(server.at(0)));
  CHECK(checked.check(server.at(20'000), true) == Verdict::ok);
}

TEST_CASE("a connection that sends is checked within a second, and not again once its tokens are back", "[net]") {
  ServerLimits limits = no_limits();
  limits.message_rate = {.per_second = 10, .burst = 10};
  const Server server(limits);
  WebSocketLimits checked;
  checked.begin(server.at(0), 0);
  CHECK(checked.start_counting());
  CHECK_FALSE(checked.start_counting());
  CHECK(checked.count_messages(server.at(0), 5) == net::RateLimiter::Verdict::within_rate);
  CHECK(checked.next_check(server.at(0)) == 1s);
  CHECK(checked.check(server.at(1'000), true) == Verdict::ok);
  CHECK_FALSE(checked.next_check(server.at(1'000)));
}

TEST_CASE("a throttled connection keeps its limiter until it resumes", "[net]") {
  ServerLimits limits = no_limits();
  limits.message_rate = {.per_second = 10, .burst = 1};
  const Server server(limits);
  WebSocketLimits checked;
  checked.begin(server.at(0), 0);
  CHECK(checked.start_counting());
  CHECK(checked.count_messages(server.at(0), 2) == net::RateLimiter::Verdict::throttle);
  CHECK(checked.throttled());
  CHECK(checked.check(server.at(60'000), false) == Verdict::ok);
  CHECK(checked.throttled());
  CHECK(checked.resume(server.at(60'000)));
  CHECK_FALSE(checked.throttled());
}

TEST_CASE("a missing pong is waited for only while the peer's TCP takes data", "[net]") {
  ServerLimits limits = no_limits();
  limits.ping_every = 25s;
  limits.pong_time = 20s;
  const Server server(limits);
  WebSocketLimits checked;
  checked.begin(server.at(0), 0);
  CHECK(checked.check(server.at(25'000), true) == Verdict::ping_due);
  CHECK(checked.check(server.at(45'000), true) == Verdict::pong_missing);
  CHECK(checked.wait_for_pong(server.at(45'000), net::TcpProgress{5'000, 1'000, 1s}));
  CHECK(checked.check(server.at(64'999), true) == Verdict::ok);
  CHECK(checked.check(server.at(65'000), true) == Verdict::pong_missing);
  CHECK_FALSE(checked.wait_for_pong(server.at(65'000), net::TcpProgress{5'000, 1'000, 1s}));
  CHECK_FALSE(checked.wait_for_pong(server.at(65'000), std::nullopt));
}
