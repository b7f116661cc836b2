// SPDX-License-Identifier: MIT
// A server that stops under load: what was accepted for a live connection arrives, in order, before its close frame.
#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sluice/consumer/host.hpp"
#include "sluice/core/block_on.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "support/blocking_client.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

constexpr int senders = 2;
constexpr int clients = 48;
constexpr int ahead = 500;  // messages that a sender may be ahead of the slowest client
constexpr int finished = std::numeric_limits<int>::max();

using Counts = std::array<int, senders>;

// What senders, consumers and clients know of each other.
struct World {
  std::array<std::atomic<int>, senders> accepted{};  // group_send has returned for so many
  std::array<std::array<std::atomic<int>, senders>, clients> heard{};

  Counts accepted_now() const {
    Counts counts;
    for (std::size_t i = 0; i < senders; ++i) counts[i] = accepted[i].load();
    return counts;
  }
  int slowest(std::size_t sender) const {
    int least = finished;
    for (const auto& client : heard) least = std::min(least, client[sender].load());
    return least;
  }

  std::mutex mutex;
  std::map<std::string, Counts> at_stop;  // by path: what had been accepted when its consumer was told
  std::vector<std::chrono::steady_clock::time_point> stops;
};

constexpr std::string_view lobby = "lobby";

class Guest : public Consumer {
 public:
  explicit Guest(World* world) : world_(*world) {}
  std::span<const std::string_view> groups() const override { return {&lobby, 1}; }
  Task<> on_stop() override {
    const Counts counts = world_.accepted_now();
    std::lock_guard lock(world_.mutex);
    world_.at_stop[std::string(scope().path())] = counts;
    world_.stops.push_back(std::chrono::steady_clock::now());
    return {};
  }

 private:
  World& world_;
};

// The received messages of one client: "sender number".
struct Ears {
  Counts next{};
  bool in_order = true;
  std::string end;

  void listen(BlockingClient& client, std::array<std::atomic<int>, senders>& heard) {
    for (;;) {
      const std::string line = client.hear();
      if (!line.starts_with("text ")) {
        end = line;
        break;
      }
      const auto sender = static_cast<std::size_t>(line[5] - '0');
      int number = 0;
      std::from_chars(line.data() + 7, line.data() + line.size(), number);
      in_order = in_order && (next[sender] == 0 || number == next[sender]);
      next[sender] = number + 1;
      heard[sender].store(number + 1);
    }
    for (auto& count : heard) count.store(finished);
  }
};

}  // namespace

TEST_CASE("no message that was accepted for a live connection is lost when the server stops", "[integration][LC-27]") {
  World world;
  AsioExecutors executors(2);
  InMemoryChannelLayer layer(executors);
  Host host(consumer<Guest>(&world), layer);
  AsioServer server(executors, host);
  const std::uint16_t port = server.listen("127.0.0.1", 0).value();

  std::array<Ears, clients> ears;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < clients; ++i) {
    threads.emplace_back([&, i] {
      BlockingClient client(port);
      client.upgrade("/" + std::to_string(i));
      ears[i].listen(client, world.heard[i]);
      client.send(client_close(1012));
      ears[i].end += ", " + client.hear();
    });
  }
  // Clients that connect later would not receive the messages that a sender waits for.
  CHECK(test::eventually([&] { return block_on(layer.group_size(lobby)).value() == clients; }));
  std::atomic<bool> over = false;
  std::vector<std::thread> publishers;
  for (std::size_t sender = 0; sender < senders; ++sender) {
    publishers.emplace_back([&, sender] {
      for (int i = 0; !over.load(); ++i) {
        if (!test::eventually([&] { return i - ahead <= world.slowest(sender) || over.load(); })) return;
        const json::Text text(std::to_string(sender) + " " + std::to_string(i));
        if (!layer.group_send(lobby, Event::broadcast_to_group(text))) std::abort();
        world.accepted[sender].store(i + 1);
      }
    });
  }
  CHECK(test::eventually([&] { return world.slowest(0) >= 100 && world.slowest(1) >= 100; }));

  const auto asked = std::chrono::steady_clock::now();
  server.stop({.window = 200ms, .grace = 60s});
  server.wait();
  over = true;
  for (auto& thread : publishers) thread.join();
  for (auto& thread : threads) thread.join();

  std::string wrong;
  for (std::size_t i = 0; i < clients; ++i) {
    const Counts& accepted = world.at_stop["/" + std::to_string(i)];
    for (std::size_t sender = 0; sender < senders; ++sender) {
      if (ears[i].next[sender] >= accepted[sender] && ears[i].in_order && ears[i].end == "close 1012, <end>") continue;
      wrong += "client " + std::to_string(i) + " heard " + std::to_string(ears[i].next[sender]) + " of " +
               std::to_string(accepted[sender]) + (ears[i].in_order ? "" : ", not in order") + ", then " + ears[i].end +
               "\n";
    }
  }
  CHECK(wrong == "");
  CHECK(std::ranges::max(world.stops) - asked > 150ms);  // and they were not closed all at once
  const ServerStats stats = server.stats();
  CHECK(stats.closed_by_stop == clients);
  CHECK(stats.cut_off_by_stop == 0);
  CHECK(host.stats().connections == 0);
  CHECK(layer.stats().channels == 0);
}

namespace {

using Gate = Completion<std::monostate>;

// Its disconnect() takes as long as the gate is shut.
class Slow : public Consumer {
 public:
  Slow(Gate gate, std::atomic<bool>* done) : gate_(std::move(gate)), done_(*done) {}
  Task<> receive(const Message&) override {
    const Gate never;
    co_await never;
  }
  Task<> disconnect(const CloseReason&) override {
    const Gate gate = gate_;
    co_await gate;
    done_ = true;
  }

 private:
  const Gate gate_;
  std::atomic<bool>& done_;
};

}  // namespace

TEST_CASE("when wait() returns no handler is at work any more", "[integration][LC-27]") {
  std::atomic<bool> done = false;
  Gate gate;
  AsioExecutors executors(1);
  Host host(consumer<Slow>(gate, &done));
  AsioServer server(executors, host);
  BlockingClient client(server.listen("127.0.0.1", 0).value());
  client.upgrade("/");
  server.stop({.window = 0ms});
  CHECK(client.hear() == "close 1012");
  client.send(client_close(1012));
  CHECK(client.hear() == end_of_stream);
  std::thread opens([&] {
    (void)test::eventually([&] { return server.stats().connections == 0; });
    gate.resolve({});
  });
  server.wait();
  CHECK(done);
  CHECK(host.stats().connections == 0);
  opens.join();
}

TEST_CASE("a handler that never ends is waited for as long as the host's grace", "[integration][LC-27]") {
  std::atomic<bool> done = false;
  AsioExecutors executors(1);
  HostOptions options;
  options.limits.disconnect_grace = 20ms;
  Host host(consumer<Slow>(Gate(), &done), options);
  AsioServer server(executors, host);
  BlockingClient client(server.listen("127.0.0.1", 0).value());
  client.upgrade("/");
  server.stop({.window = 0ms, .grace = 0ms});
  server.wait();
  CHECK_FALSE(done);
  CHECK(host.stats().destroyed_handlers == 1);
  CHECK(host.stats().connections == 0);
}

TEST_CASE("a handler that never ends does not take the time of disconnect", "[integration][LC-27]") {
  std::atomic<bool> done = false;
  AsioExecutors executors(1);
  HostOptions options;
  options.limits.disconnect_grace = 1100ms;  // above the second that the server waits beyond it
  Host host(consumer<Slow>(Gate(), &done), options);
  AsioServer server(executors, host);
  BlockingClient client(server.listen("127.0.0.1", 0).value());
  client.upgrade("/");
  client.send(test::client_text("never"));
  REQUIRE(test::eventually([&] { return server.stats().messages_in == 1; }));
  server.stop({.window = 0ms, .grace = 0ms});
  server.wait();
  CHECK(host.stats().destroyed_handlers == 2);
  CHECK(host.stats().connections == 0);
}
