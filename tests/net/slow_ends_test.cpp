// SPDX-License-Identifier: MIT
// Slow readers at the end of a connection, or during keep-alive.
#include <functional>
#include <future>
#include <string>

#include "net/loop/asio_executor.hpp"
#include "net/support/served.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;
using ws::Opcode;

namespace {

AsioServerOptions with(const std::function<void(ServerLimits&)>& change) {
  AsioServerOptions options;
  change(options.limits);
  return options;
}

void wait(Served& served, std::chrono::milliseconds time) {
  std::promise<void> over;
  served.executors.at(0).post_after(time, [&over] { over.set_value(); });
  over.get_future().wait();
}

// Reads this many messages of 1,000 bytes, and then pauses.
class SlowReader {
 public:
  SlowReader(Served& served, BlockingClient& client, std::chrono::milliseconds rest)
      : served_(served), client_(client), rest_(rest) {}

  // Up to what is no message of the filling, which it returns.
  std::string read_up() {
    const std::string filling = "text " + std::string(1'000, 'x');
    std::string heard = client_.hear();
    for (; heard == filling; heard = client_.hear()) {
      if (++read % 64 == 0) wait(served_, rest_);
    }
    return heard;
  }
  int read = 0;

 private:
  Served& served_;
  BlockingClient& client_;
  std::chrono::milliseconds rest_;
};

}  // namespace

TEST_CASE("messages before a close reach a slow reader that keeps reading, whichever side closes", "[net][LC-13]") {
  const bool server_closes = GENERATE(true, false);
  CAPTURE(server_closes);
  Served served(with([](ServerLimits& limits) { limits.close_time = 100ms; }));
  auto client = served.enter("/", small_buffer);
  int sent = 0;
  served.gateway.with("/", [&](Door& door) {
    for (; door.connection->queued_bytes() < 2'000'000; ++sent) door.say(std::string(1'000, 'x'));
    if (server_closes) door.connection->close(CloseReason(1000));
  });
  if (!server_closes) client.send(client_close(1000));
  SlowReader reader(served, client, 10ms);
  CHECK(reader.read_up() == "close 1000");
  CHECK(reader.read == sent);
  if (server_closes) client.send(client_close(1000));
  CHECK(client.hear() == end_of_stream);
  CHECK(served.server.stats().cut_off == 0);
}

TEST_CASE("a reader that takes almost nothing is disconnected in the end", "[net]") {
  Served served(with([](ServerLimits& limits) { limits.close_time = 50ms; }));
  auto client = served.enter("/", small_buffer);
  served.gateway.with("/", [&](Door& door) {
    door.fill(2'000'000);
    door.connection->close(CloseReason(1000));
  });
  std::string last = client.read_exactly(1'000);
  for (int i = 0; i < 400 && served.server.stats().cut_off == 0; ++i) {
    last = client.read_exactly(10);
    wait(served, 5ms);
  }
  CHECK(served.server.stats().cut_off == 1);
  CHECK(served.gateway.heard.has("closed 1000"));
}

TEST_CASE("a peer that takes bytes is alive, although its pong is late", "[net]") {
  const auto pings_often = [](ServerLimits& limits) {
    limits.ping_every = 50ms;
    limits.pong_time = 150ms;
  };
  Served served(with(pings_often), {.queued_bytes = 64 << 20});
  auto client = served.enter("/", small_buffer);
  int sent = 0;
  served.gateway.with("/", [&](Door& door) {  // all of it is the kernel's
    while (door.connection->queued_bytes() == 0 && sent < 3'000) door.say(std::string(1'000, 'x')), ++sent;
  });
  SlowReader reader(served, client, 20ms);
  int pings = 0;
  std::string heard;
  while (reader.read < sent && (heard = reader.read_up()) == "ping ") {
    ++pings;
    client.send(client_frame(Opcode::pong, ""));
  }
  CHECK(reader.read == sent);
  CHECK(served.server.stats().timed_out == 0);
}
