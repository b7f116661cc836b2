// SPDX-License-Identifier: MIT
// The core layer while Redis is down, blocked, slow or full: what waits, what is dropped, and the notices.
#include <algorithm>
#include <list>

#include "redis/support/tiny_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using namespace std::string_literals;

TEST_CASE("a consumer that lists the notices receives LayerDown and LayerUp", "[redis][DI-10]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  Listener& loner = world.listener(layer);
  world.dialer.refuse(true);
  world.dialer.break_all();
  world.executor.advance(1min);
  CHECK(ann.heard() == "layer_down");
  CHECK(loner.heard() == "layer_down");
  CHECK_FALSE(layer.redis_stats().up);
  world.dialer.refuse(false);
  world.executor.advance(10s);
  CHECK(ann.heard() == "layer_up");
  CHECK(loner.heard() == "layer_up");
  CHECK(layer.redis_stats().up);
  CHECK(layer.redis_stats().downs == 1);
}

TEST_CASE("memberships are restored in a Redis that lost its data", "[redis]") {
  TinyWorld world;
  auto& one = world.layer();
  auto& two = world.layer();
  Listener& ann = world.listener_in("g", one);
  Listener& bob = world.listener_in("g", two);
  Listener& gone = world.listener_in("h", two);
  world.redis.forget();
  world.dialer.break_all();
  gone.leave("h");
  world.executor.advance(10s);
  CHECK(ann.heard() == "layer_down layer_up");
  (void)bob.heard();
  REQUIRE(one.group_send("g", TinyWorld::numbered(1)));
  world.executor.run_all();
  CHECK(ann.heard() + bob.heard() == "11");
  CHECK(world.redis.keys() == std::vector{"asgi:group:g"s});
}

TEST_CASE("a group that is left during an outage is left once Redis is back", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.dialer.refuse(true);
  world.dialer.break_all();
  world.executor.run_all();
  ann.leave("g");
  world.executor.run_all();
  CHECK(world.redis.keys() == std::vector{"asgi:group:g"s});
  world.dialer.refuse(false);
  world.executor.advance(10s);
  CHECK(world.redis.keys().empty());
  CHECK(layer.redis_stats().memberships == 0);
}

TEST_CASE("groups that are joined and left during an outage are forgotten at once", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.dialer.refuse(true);
  world.dialer.break_all();
  world.executor.run_all();
  for (int i = 0; i < 100; ++i) {
    const std::string group = "g" + std::to_string(i);
    ann.begin_to_join(group);
    world.executor.run_all();
    ann.leave(group);
    world.executor.run_all();
  }
  CHECK(layer.redis_stats().memberships == 1);
  world.dialer.refuse(false);
  world.executor.advance(10s);
  CHECK(layer.redis_stats().memberships == 1);
  CHECK(world.redis.keys() == std::vector{"asgi:group:g"s});
  CHECK(std::ranges::count(world.redis.commands(), "ZREM") == 0);
}

TEST_CASE("group_add() during an outage waits for join_time", "[redis]") {
  TinyWorld world({.reconnect_max = 200ms});
  auto& layer = world.layer();
  world.dialer.refuse(true);
  Listener& ann = world.listener(layer);
  ann.begin_to_join("g");
  world.executor.advance(4s);
  CHECK(ann.joined == "waiting");
  SECTION("it comes in time") {
    world.dialer.refuse(false);
    world.executor.advance(10s);
    CHECK(ann.joined == "joined");
    REQUIRE(layer.group_send("g", TinyWorld::numbered(1)));
    world.executor.run_all();
    CHECK(ann.heard() == "1");
  }
  SECTION("it does not") {
    world.executor.advance(2s);
    CHECK(ann.joined == "timed_out");
    world.dialer.refuse(false);
    world.executor.advance(10s);
    CHECK(world.redis.keys().empty());
    CHECK(layer.stats().groups == 0);
  }
  SECTION("its consumer does not wait for it") {
    ann.close();
    world.dialer.refuse(false);
    world.executor.advance(10s);
    CHECK(world.redis.keys().empty());
  }
}

TEST_CASE("a member that joins again during an outage stays one, whatever the result", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.dialer.refuse(true);
  world.dialer.break_all();
  world.executor.run_all();
  ann.begin_to_join("g");
  world.executor.advance(11s);
  CHECK(ann.joined == "timed_out");
  CHECK(layer.stats().groups == 1);
}

TEST_CASE("events that are sent during an outage wait in their order", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.dialer.refuse(true);
  world.dialer.break_all();
  world.executor.advance(1s);
  for (int i = 0; i < 5; ++i) {
    REQUIRE((i % 2 ? layer.send(ann.name(), TinyWorld::numbered(i)) : layer.group_send("g", TinyWorld::numbered(i))));
  }
  Sent sent(world.executor, layer.group_send_confirmed("g", TinyWorld::numbered(5)));
  world.executor.advance(1s);
  CHECK(layer.redis_stats().waiting_events == 6);
  CHECK(sent.outcome == "waiting");
  world.dialer.refuse(false);
  world.executor.advance(10s);
  CHECK(sent.outcome == "reached 1, full 0");
  // A send goes to the inbox's host, a group_send to the group's: with one host, that is one order.
  CHECK(ann.heard() == "layer_down layer_up 0 1 2 3 4 5");
  CHECK(layer.redis_stats().waiting_events == 0);
  CHECK(layer.redis_stats().waiting_bytes == 0);
}

TEST_CASE("the outbox refuses events above its limits in count and bytes", "[redis]") {
  RedisOptions options;
  SECTION("in number") { options.waiting_events = 10; }
  SECTION("in bytes") { options.waiting_bytes = 150; }
  TinyWorld world(options);
  auto& layer = world.layer();
  world.dialer.refuse(true);
  int taken = 0;
  for (int i = 0; i < 100; ++i) {
    const auto sent = layer.group_send("g", TinyWorld::numbered(i));
    if (sent) ++taken;
    if (!sent) CHECK(sent.error().code() == ErrorCode::no_room);
  }
  CHECK(taken < 15);
  CHECK(taken > 5);
  CHECK(layer.redis_stats().refused == static_cast<std::uint64_t>(100 - taken));
  CHECK(layer.redis_stats().waiting_events == static_cast<std::uint64_t>(taken));
  world.dialer.refuse(false);
  world.executor.advance(10s);
  CHECK(layer.redis_stats().waiting_events == 0);
  CHECK(layer.group_send("g", TinyWorld::numbered(1)));
}

TEST_CASE("events that wait longer than their expiry are dropped and reported", "[redis][CL-15]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.dialer.refuse(true);
  world.dialer.break_all();
  world.executor.advance(1s);
  Sent old(world.executor, layer.group_send_confirmed("g", TinyWorld::numbered(1)));
  world.executor.advance(30s);
  Sent young(world.executor, layer.group_send_confirmed("g", TinyWorld::numbered(2)));
  world.executor.advance(31s);
  CHECK(old.outcome == "layer_unavailable");
  CHECK(young.outcome == "waiting");
  CHECK(layer.redis_stats().expired_waiting == 1);
  world.dialer.refuse(false);
  world.executor.advance(10s);
  CHECK(young.outcome == "reached 1, full 0");
  CHECK(ann.heard() == "layer_down layer_up 2");
}

TEST_CASE("a Redis without memory refuses events, and the layer continues", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.redis.fail_with("OOM command not allowed when used memory > 'maxmemory'.");
  Sent sent(world.executor, layer.send_confirmed(ann.name(), TinyWorld::numbered(1)));
  Sent to_group(world.executor, layer.group_send_confirmed("g", TinyWorld::numbered(1)));
  Listener& bob = world.listener(layer);
  bob.begin_to_join("h");
  world.executor.advance(1s);
  CHECK(sent.outcome == "layer_unavailable");
  CHECK(to_group.outcome == "layer_unavailable");
  CHECK(bob.joined == "layer_unavailable");
  CHECK(layer.redis_stats().rejected == 4);  // a join that failed leaves, and this Redis refuses even that
  world.redis.fail_with("");
  world.executor.advance(10s);
  REQUIRE(layer.group_send("g", TinyWorld::numbered(2)));
  world.executor.run_all();
  CHECK(ann.heard() == "2");
  CHECK(layer.redis_stats().downs == 0);
  CHECK(layer.stats().groups == 1);
}

TEST_CASE("a Redis that does not answer for 20 seconds is reported down, then up", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.dialer.hold();
  REQUIRE(layer.group_send("g", TinyWorld::numbered(1)));
  world.executor.advance(20s);
  CHECK(ann.heard() == "layer_down");
  REQUIRE(layer.group_send("g", TinyWorld::numbered(2)));
  world.dialer.release();
  world.executor.advance(20s);
  CHECK(ann.heard() == "layer_up 1 2");  // the first was looked up, and not yet written
}

TEST_CASE("events that are sent after a half-open connection was given up use the new one", "[redis][DI-10]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.redis.hear_no_ends(true);
  for (int i = 0; i < 3; ++i) {
    world.dialer.break_all();
    world.executor.run_all();
    world.executor.advance(500ms);
    CHECK(ann.heard() == "layer_down layer_up");
    REQUIRE(layer.group_send("g", TinyWorld::numbered(i)));  // the old reader still waits for it
    world.executor.run_all();
    CHECK(ann.heard() == std::to_string(i));
  }
  CHECK(layer.redis_stats().unreadable == 0);
}

TEST_CASE("a slow Redis loses nothing", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.dialer.delay(200ms);
  for (int i = 0; i < 20; ++i) REQUIRE(layer.group_send("g", TinyWorld::numbered(i)));
  world.executor.advance(30s);
  CHECK(ann.heard() == "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19");
  CHECK(layer.redis_stats().downs == 0);
}

TEST_CASE("wherever a connection breaks the layer recovers, and each event arrives once or is reported lost",
          "[redis]") {
  for (std::size_t operation = 1;; ++operation) {
    TinyWorld world;
    world.dialer.fail_at(operation);
    auto& one = world.layer();
    auto& two = world.layer();
    Listener& ann = world.listener(one);
    ann.begin_to_join("g");
    world.executor.advance(3s);
    Sent first(world.executor, two.group_send_confirmed("g", TinyWorld::numbered(1)));
    Sent second(world.executor, two.send_confirmed(ann.name(), TinyWorld::numbered(2)));
    world.executor.advance(3s);
    ann.leave("g");
    ann.begin_to_join("h");
    Sent third(world.executor, one.group_send_confirmed("h", TinyWorld::numbered(3)));
    world.executor.advance(22s);
    if (world.dialer.operations() < operation) break;
    INFO("broken at " << operation);
    CHECK(ann.joined == "joined");
    std::string heard = ann.heard();
    const auto times = [&](char number) { return std::ranges::count(heard, number); };
    const auto as_told = [&](const Sent& sent, char number) {
      INFO(number << ": " << sent.outcome << "; heard: " << heard);
      CHECK(times(number) <= 1);
      if (sent.outcome == "waiting") FAIL("it never ends");
    };
    as_told(first, '1');
    as_told(second, '2');
    as_told(third, '3');
    // Now everything works.
    REQUIRE(two.group_send("h", TinyWorld::numbered(4)));
    world.executor.advance(1s);
    CHECK(ann.heard() == "4");
    CHECK(world.redis.members("asgi:group:g").empty());
    world.executor.run([&] { return one.close(); });
    world.executor.run([&] { return two.close(); });
    CHECK(world.redis.keys().empty());
    CHECK(one.redis_stats().waiting_events + two.redis_stats().waiting_events == 0);
  }
}

TEST_CASE("ten thousand groups are restored at once", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener(layer);
  for (int i = 0; i < 10'000; ++i) {
    ann.begin_to_join("g" + std::to_string(i));
    if (i % 1000 == 0) world.executor.run_all();
  }
  world.executor.run_all();
  CHECK(world.redis.keys().size() == 10'000);
  world.redis.forget();
  world.dialer.break_all();
  world.executor.advance(1s);
  CHECK(layer.redis_stats().up);
  CHECK(world.redis.keys().size() == 10'000);
}

TEST_CASE("a group that is left while Redis refuses commands is left afterwards", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.redis.fail_with("MISCONF Redis is configured to save RDB snapshots, but it's unable to persist to disk.");
  ann.leave("g");
  world.executor.advance(3s);
  world.redis.fail_with("");
  CHECK(world.redis.members("asgi:group:g").size() == 1);
  world.executor.advance(10s);
  CHECK(world.redis.members("asgi:group:g").empty());
  CHECK(layer.redis_stats().memberships == 0);
}

TEST_CASE("a flush while Redis is away forgets the groups that inboxes have asked for", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  world.dialer.refuse(true);
  world.dialer.break_all();
  world.executor.advance(1s);
  std::list<Inbox> inboxes;
  std::list<Task<Result<void>>> joins;
  for (int i = 0; i < 20; ++i) {
    auto inbox = world.executor.run([&] { return layer.open_inbox("jobs-" + std::to_string(i)); });
    REQUIRE(inbox);
    inboxes.push_back(std::move(*inbox));
    joins.push_back(layer.group_add("g", inboxes.back()));
    world.executor.run([&] { (void)joins.back().start({[](void*) noexcept {}, nullptr}); });
  }
  Task<Result<void>> flushing = layer.flush();
  world.executor.run([&] { (void)flushing.start({[](void*) noexcept {}, nullptr}); });
  world.executor.run_all();
  CHECK(layer.redis_stats().memberships == 0);
  world.dialer.refuse(false);
  world.executor.advance(10s);
  CHECK(layer.redis_stats().up);
}
