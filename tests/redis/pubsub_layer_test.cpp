// SPDX-License-Identifier: MIT
// The pub/sub layer on scripted streams: its subscriptions, its messages, and outages.
#include <algorithm>
#include <string>
#include <vector>

#include "redis/support/golden.hpp"
#include "redis/support/tiny_world.hpp"
#include "redis/wire/link.hpp"
#include "sluice/core/log.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using namespace std::string_literals;
using World = TinyPubSubWorld;

namespace {

// {"type": "z"}
const std::string packed = from_hex("81a474797065a17a");

std::string pattern_of(const Listener& listener) { return listener.name().substr(0, 4 + 9 + 32) + "*"; }

}  // namespace

TEST_CASE("a group is one subscription of a process, from its first member to its last", "[redis][R-41][R-44]") {
  World world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  Listener& bob = world.listener_in("g", layer);
  CHECK(world.redis.subscriptions() == std::vector{"asgi__group__g"s, pattern_of(ann)});
  CHECK(std::ranges::count(world.redis.commands(), "SUBSCRIBE") == 1);
  world.redis.run({"PUBLISH", "asgi__group__g", packed});
  world.executor.run_all();
  CHECK(ann.heard() + bob.heard() == "zz");
  ann.leave("g");
  world.executor.run_all();
  CHECK(std::ranges::count(world.redis.commands(), "UNSUBSCRIBE") == 0);
  bob.close();
  world.executor.run_all();
  CHECK(world.redis.subscriptions() == std::vector{pattern_of(ann)});
  world.executor.run([&] { return layer.close(); });
  CHECK(world.redis.clients() == 0);
}

TEST_CASE("a publication to a channel reaches that consumer, from any process", "[redis][R-40][R-43]") {
  World world;
  auto& one = world.layer();
  auto& two = world.layer();
  Listener& ann = world.listener(one);
  Listener& bob = world.listener(one);
  CHECK(ann.name().starts_with("asgispecific."));
  CHECK(ann.name().find('!') == std::string::npos);
  world.executor.run_all();
  Sent sent(world.executor, two.send_confirmed(ann.name(), World::numbered(1)));
  Sent nobody(world.executor, two.send_confirmed("asgispecific.nobody", World::numbered(1)));
  world.executor.run_all();
  CHECK(sent.outcome == "reached 1, full 0");
  CHECK(nobody.outcome == "reached 0, full 0");
  CHECK(ann.heard() == "1");
  CHECK(bob.heard() == "");
}

TEST_CASE("an inbox receives its channel's events in each process that reads it", "[redis][R-45]") {
  World world;
  auto& one = world.layer();
  auto& two = world.layer();
  const auto open = [&](ChannelLayer& layer) { return *world.executor.run([&] { return layer.open_inbox("jobs"); }); };
  {
    Inbox first = open(one), other = open(two);
    {
      Inbox second = open(one);
      REQUIRE(one.send("jobs", World::numbered(1)));
      world.executor.run_all();
      // Within a process one reader gets it.
      CHECK(first.poll().has_value() + second.poll().has_value() == 1);
      CHECK(other.poll().has_value());
    }
    REQUIRE(one.send("jobs", World::numbered(2)));
    world.executor.run_all();
    CHECK(first.poll().has_value());
    CHECK(other.poll().has_value());
  }
  world.executor.run_all();
  CHECK(std::ranges::count(world.redis.subscriptions(), "jobs") == 0);
}

TEST_CASE("bytes that are no event are counted, once for a process", "[redis][R-46]") {
  World world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  Listener& bob = world.listener_in("g", layer);
  for (const std::string& bytes : {""s, "short"s, "\xc1"s, "\x90"s, packed.substr(0, 5)}) {
    world.redis.run({"PUBLISH", "asgi__group__g", bytes});
  }
  world.redis.run({"PUBLISH", "asgi__group__g", packed});
  world.executor.run_all();
  CHECK(ann.heard() + bob.heard() == "zz");
  CHECK(layer.redis_stats().unreadable == 5);
  CHECK(layer.redis_stats().downs == 0);
}

TEST_CASE("the two layers do not receive each other's events", "[redis][R-49]") {
  World world;
  auto& layer = world.layer();
  const auto clock = [] { return 1'700'000'000.0; };
  RedisChannelLayer core(world.executor, world.dialer, world.options, clock);
  Listener& ann = world.listener_in("g", layer);
  Listener& bob = world.listener_in("g", core);
  REQUIRE(core.group_send("g", World::numbered(1)));
  REQUIRE(layer.group_send("g", World::numbered(2)));
  world.executor.run_all();
  CHECK(ann.heard() == "2");
  CHECK(bob.heard() == "1");
  world.listeners.clear();
  world.executor.run([&] { return core.close(); });
}

TEST_CASE("messages that are published during an outage wait in their order", "[redis]") {
  World world({.waiting_events = 6});
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.dialer.refuse(true);
  world.dialer.break_all();
  world.executor.advance(1s);
  CHECK(ann.heard() == "layer_down");
  for (int i = 0; i < 6; ++i) {
    REQUIRE((i % 2 ? layer.send(ann.name(), World::numbered(i)) : layer.group_send("g", World::numbered(i))));
  }
  const auto refused = layer.group_send("g", World::numbered(6));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ErrorCode::no_room);
  world.dialer.refuse(false);
  world.executor.advance(10s);
  CHECK(ann.heard() == "layer_up 0 1 2 3 4 5");
  CHECK(layer.redis_stats().refused == 1);
  CHECK(layer.redis_stats().waiting_bytes == 0);
}

TEST_CASE("a Redis that refuses the process's channel is reported down", "[redis]") {
  World world;
  const test::LogCapture log;
  world.redis.fail_with("NOPERM No permissions to access a channel");
  auto& layer = world.layer();
  world.executor.advance(20s);
  CHECK_FALSE(layer.redis_stats().up);
  CHECK(log.count("NOPERM") > 0);
  world.redis.fail_with("");
  world.executor.advance(6s);
  CHECK(layer.redis_stats().up);
}

TEST_CASE("messages that wait for room when a connection breaks wait for the next one", "[redis]") {
  World world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  const bool reader_first = GENERATE(false, true);  // or the connection for commands
  CAPTURE(reader_first);
  if (reader_first) {
    world.dialer.delay(1s);
  } else {
    world.dialer.fail_at(1);
  }
  for (std::size_t i = 0; i < most_unanswered + 100; ++i) REQUIRE(layer.group_send("g", World::numbered(0)));
  world.executor.run_all();
  if (reader_first) world.dialer.break_all();  // the other one carries the events before it ends
  world.dialer.delay(0s);
  world.executor.advance(10s);
  const std::string heard = ann.heard();
  CHECK(heard.starts_with("layer_down layer_up"));
  CHECK(std::ranges::count(heard, '0') == 100);
  CHECK(layer.redis_stats().unconfirmed == most_unanswered);  // were on their way
  CHECK(layer.redis_stats().waiting_events == 0);
}

TEST_CASE("wherever a connection breaks, the pub/sub layer recovers", "[redis][R-48]") {
  for (std::size_t operation = 1;; ++operation) {
    World world;
    world.dialer.fail_at(operation);
    auto& one = world.layer();
    auto& two = world.layer();
    Listener& ann = world.listener(one);
    ann.begin_to_join("g");
    world.executor.advance(3s);
    Sent first(world.executor, two.group_send_confirmed("g", World::numbered(1)));
    Sent second(world.executor, two.send_confirmed(ann.name(), World::numbered(2)));
    world.executor.advance(3s);
    ann.leave("g");
    ann.begin_to_join("h");
    world.executor.advance(3s);
    Sent third(world.executor, one.group_send_confirmed("h", World::numbered(3)));
    world.executor.advance(20s);
    if (world.dialer.operations() < operation) break;
    INFO("broken at " << operation);
    CHECK(ann.joined == "joined");
    const std::string heard = ann.heard();
    for (const auto& [sent, number] : {std::pair(&first, '1'), std::pair(&second, '2'), std::pair(&third, '3')}) {
      INFO(number << ": " << sent->outcome << "; heard: " << heard);
      CHECK(std::ranges::count(heard, number) <= 1);
      CHECK(sent->outcome != "waiting");
    }
    REQUIRE(two.group_send("h", World::numbered(4)));
    world.executor.advance(1s);
    CHECK(ann.heard() == "4");
    CHECK(world.redis.subscriptions().size() == 3);  // a pattern for each process, and "h"
    world.executor.run([&] { return one.close(); });
    world.executor.run([&] { return two.close(); });
    CHECK(world.redis.clients() == 0);
    CHECK(one.redis_stats().waiting_events + two.redis_stats().waiting_events == 0);
  }
}
