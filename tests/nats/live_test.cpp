// SPDX-License-Identifier: MIT
// NATS layers as they are used: a real server, and consumers on threads.
#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <memory>
#include <sstream>
#include <vector>

#include "nats/support/cutting_proxy.hpp"
#include "nats/support/nats_server.hpp"
#include "redis/support/live_world.hpp"
#include "sluice/core/block_on.hpp"
#include "sluice/nats/nats_channel_layer.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/silence.hpp"

namespace sluice::SLUICE_ABI::nats {
namespace {

using redis::Guest;
using redis::numbered;
using test::eventually;

NatsOptions at(const std::string& url) {
  NatsOptions options;
  options.servers = {url};
  options.answer_time = options.join_time = std::chrono::seconds(20);
  options.reconnect_max = std::chrono::milliseconds(100);
  return options;
}

// One process: threads, and a layer.
struct LiveProcess {
  explicit LiveProcess(const NatsOptions& options, std::size_t threads = 1)
      : executors(threads), layer(executors, options) {}
  ~LiveProcess() {
    guests.clear();
    block_on(layer.close());
  }

  Guest& guest() { return guests.emplace_back(layer, executors.at(guests.size() % executors.size())); }
  Guest& guest_in(const std::string& group) {
    Guest& made = guest();
    const auto joined = made.join(group);
    REQUIRE(joined);
    return made;
  }
  bool is_up() const { return layer.bus_stats().up; }

  test::Silence silence;
  AsioExecutors executors;
  NatsChannelLayer layer;
  std::list<Guest> guests;
};

}  // namespace

TEST_CASE("two processes receive each other's groups, channels and jobs", "[nats]") {
  const NatsServer server;
  LiveProcess one(at(server.url()), 2), two(at(server.url()), 2);
  Guest& ann = one.guest_in("table.7");
  Guest& bob = two.guest_in("table.7");
  Guest& cyd = two.guest_in("table.7");
  REQUIRE(one.layer.group_send("table.7", numbered(1)));
  for (Guest* guest : {&ann, &bob, &cyd}) CHECK(guest->hears("1"));
  REQUIRE(two.layer.send(ann.name(), numbered(2)));
  CHECK(ann.hears("1 2"));
  auto inbox = block_on(two.layer.open_inbox("jobs"));
  REQUIRE(inbox);
  REQUIRE(one.layer.send("jobs", numbered(3)));
  const auto job = block_on(inbox->receive());
  REQUIRE(job);
  CHECK(job->value()["n"].as_int() == 3);
  const auto receipt = block_on(one.layer.group_send_confirmed("table.7", numbered(4)));
  REQUIRE(receipt);
  CHECK(receipt->reached == 1);
}

TEST_CASE("of a plain channel's readers in two processes one receives each event, and all are received", "[nats]") {
  const NatsServer server;
  LiveProcess one(at(server.url())), two(at(server.url()));
  auto first = block_on(one.layer.open_inbox("jobs"));
  auto second = block_on(two.layer.open_inbox("jobs"));
  REQUIRE(first);
  REQUIRE(second);
  std::vector<int> seen(60, 0);
  std::size_t taken = 0, by_first = 0;
  const auto take = [&](Inbox& inbox, std::size_t& count) {
    while (auto event = inbox.poll()) {
      ++seen[static_cast<std::size_t>(*event->value()["n"].as_int())];
      ++count;
      ++taken;
    }
  };
  std::size_t by_second = 0;
  for (int i = 0; i < 60; ++i) REQUIRE(one.layer.send("jobs", numbered(i)));
  CHECK(eventually([&] {
    take(*first, by_first);
    take(*second, by_second);
    return taken >= 60;
  }));
  CHECK(seen == std::vector<int>(60, 1));
  CHECK(by_first > 0);
  CHECK(by_second > 0);
}

TEST_CASE("once a layer is closed, no event for a plain channel goes to its readers", "[nats]") {
  const NatsServer server;
  LiveProcess two(at(server.url()));
  auto stays = block_on(two.layer.open_inbox("jobs"));
  REQUIRE(stays);
  int sent = 0, received = 0;
  for (int round = 0; round < 10; ++round) {
    auto one = std::make_unique<LiveProcess>(at(server.url()));
    {
      const auto leaves = block_on(one->layer.open_inbox("jobs"));
      REQUIRE(leaves);
      block_on(one->layer.close());
    }
    for (int i = 0; i < 20; ++i, ++sent) REQUIRE(two.layer.send("jobs", numbered(sent)));
    REQUIRE(eventually(
        [&] {
          while (stays->poll()) ++received;
          return received == sent;
        },
        std::chrono::seconds(10)));
  }
}

TEST_CASE("a killed server ends no consumer: they are notified, and groups work once it is back", "[nats]") {
  NatsServer server;
  LiveProcess one(at(server.url())), two(at(server.url()));
  Guest& ann = one.guest_in("g");
  Guest& bob = two.guest_in("g");
  server.stop();
  CHECK(ann.hears("layer_down"));
  CHECK(bob.hears("layer_down"));
  REQUIRE(one.layer.group_send("g", numbered(1)));  // waits in the layer
  server.start();
  CHECK(eventually([&] { return one.is_up() && two.is_up(); }));
  CHECK(ann.hears("layer_down layer_up 1"));
  REQUIRE(one.layer.group_send("g", numbered(2)));
  CHECK(eventually([&] { return bob.heard().ends_with("2"); }));
  CHECK(one.layer.bus_stats().downs == 1);
  CHECK(one.layer.nats_stats().unconfirmed == 0);
}

TEST_CASE("ten thousand groups are subscribed again after a restart", "[nats]") {
  constexpr int groups = 10'000;
  NatsServer server;
  LiveProcess one(at(server.url())), two(at(server.url()));
  Guest& ann = one.guest();
  REQUIRE(ann.join_numbered("g", groups));
  CHECK(one.layer.bus_stats().memberships >= groups);
  server.stop();
  CHECK(ann.hears("layer_down"));
  server.start();
  CHECK(ann.hears("layer_down layer_up"));
  (void)ann.take_heard();
  std::string expected;
  for (const int group : {0, 1, 4'999, 9'998, 9'999}) {
    REQUIRE(two.layer.group_send(fmt::format("g{}", group), numbered(group)));
    expected += fmt::format("{}{}", group ? " " : "", group);
  }
  CHECK(ann.hears(expected));
}

TEST_CASE("a connection that a proxy cuts repeatedly counts every event that it loses", "[nats]") {
  const NatsServer server;
  CuttingProxy proxy(server.port());
  LiveProcess one(at(proxy.url())), two(at(server.url()));
  Guest& ann = two.guest_in("g");
  REQUIRE(block_on(one.layer.wait_until_up()));
  int sent = 0;
  for (std::size_t cut = 100; cut < 4'000; cut += 190) {
    proxy.cut_after(cut);
    while (!proxy.has_cut()) {
      REQUIRE(block_on(one.layer.group_send_when_room("g", numbered(sent))));
      ++sent;
    }
    REQUIRE(eventually([&] { return one.is_up(); }));
  }
  const std::size_t undelivered = block_on(one.layer.close());
  CHECK(one.layer.bus_stats().downs > 5);
  CHECK(undelivered == one.layer.nats_stats().unconfirmed);
  REQUIRE(two.layer.group_send("g", numbered(sent)));
  REQUIRE(eventually([&] { return ann.heard().ends_with(" " + std::to_string(sent)); }));
  // Each number at most once, in order; one that is missing was counted.
  std::istringstream heard(ann.heard());
  int last = -1;
  std::size_t missing = 0;
  for (int number = 0; heard >> number; last = number) {
    REQUIRE(number > last);
    missing += static_cast<std::size_t>(number - last - 1);
  }
  CHECK(last == sent);
  CHECK(missing <= undelivered);
  CHECK(two.layer.bus_stats().downs == 0);
}

TEST_CASE("close() delivers what was accepted, or counts it", "[nats]") {
  NatsServer server;
  LiveProcess two(at(server.url()));
  Guest& ann = two.guest_in("g");
  std::string expected;
  {
    LiveProcess one(at(server.url()));
    REQUIRE(block_on(one.layer.wait_until_up()));
    for (int i = 0; i < 500; ++i) {
      REQUIRE(one.layer.group_send("g", numbered(i)));
      expected += fmt::format("{}{}", i ? " " : "", i);
    }
    CHECK(block_on(one.layer.close()) == 0);
    CHECK(one.layer.group_send("g", numbered(0)).error().code() == ErrorCode::layer_unavailable);
  }
  CHECK(ann.hears(expected));
  NatsOptions options = at(server.url());
  options.close_time = std::chrono::milliseconds(300);
  LiveProcess one(options);
  REQUIRE(block_on(one.layer.wait_until_up()));
  server.pause();
  for (int i = 0; i < 7; ++i) REQUIRE(one.layer.group_send("g", numbered(i)));
  CHECK(block_on(one.layer.close()) == 7);
  CHECK(eventually([&] { return one.layer.bus_stats().undelivered == 7; }));
  server.resume();
}

TEST_CASE("a layer without its server starts, keeps what is sent within its bounds, and refuses the rest", "[nats]") {
  const test::Silence silence;
  NatsServer server;
  server.stop();
  NatsOptions options = at(server.url());
  options.waiting_events = 3;
  options.join_time = std::chrono::milliseconds(100);
  LiveProcess one(options);
  CHECK(block_on(one.layer.wait_until_up()).error().code() == ErrorCode::timed_out);
  for (int i = 0; i < 3; ++i) CHECK(one.layer.group_send("g", numbered(i)));
  CHECK(one.layer.group_send("g", numbered(3)).error().code() == ErrorCode::no_room);
  LiveProcess two(at(server.url()));
  server.start();
  Guest& ann = two.guest_in("late");
  CHECK(eventually([&] { return one.is_up() && one.layer.bus_stats().waiting_events == 0; }));
  REQUIRE(one.layer.group_send("late", numbered(4)));
  CHECK(eventually([&] { return ann.heard().ends_with("4"); }));
  CHECK(one.layer.bus_stats().undelivered == 0);
}

}  // namespace sluice::SLUICE_ABI::nats
