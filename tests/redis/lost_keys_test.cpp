// SPDX-License-Identifier: MIT
// The core layer whose keys vanish while the connection lives: a FLUSHDB, an eviction, a DEL.
#include <algorithm>

#include "redis/support/live_world.hpp"
#include "redis/support/tiny_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using namespace std::string_literals;

TEST_CASE("a Redis that was flushed is noticed within answer_time, and all memberships are restored", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  auto& other = world.layer();
  Listener& ann = world.listener_in("g", layer);
  Listener& bob = world.listener_in("h", layer);
  world.executor.advance(1min);
  world.redis.forget();
  world.executor.advance(5s);
  CHECK(ann.heard() == "layer_down layer_up");
  CHECK(bob.heard() == "layer_down layer_up");
  CHECK(world.redis.keys() == std::vector{"asgi:group:g"s, "asgi:group:h"s});
  REQUIRE(other.group_send("g", TinyWorld::numbered(1)));
  world.executor.run_all();
  CHECK(ann.heard() == "1");
  CHECK(layer.redis_stats().downs == 1);
  CHECK(world.dialer.dials() == 4);  // on the connections that there were
}

TEST_CASE("the loss of any one of many groups is noticed", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener(layer);
  const bool many = GENERATE(false, true);
  const int groups = many ? 2000 : 100;
  for (int i = 0; i < groups; ++i) ann.begin_to_join("g" + std::to_string(i));
  world.executor.run_all();
  for (const int lost : {0, groups / 2, groups - 1}) {
    const std::string key = "asgi:group:g" + std::to_string(lost);
    world.redis.run({"DEL", key});
    world.executor.advance(many ? 30s : 5s);
    CHECK(ann.heard() == "layer_down layer_up");
    CHECK(world.redis.members(key).size() == 1);
  }
}

TEST_CASE("a join that is confirmed is in Redis, also where a member was there before", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.redis.forget();
  Listener& bob = world.listener_in("g", layer);
  CHECK(bob.joined == "joined");
  CHECK(world.redis.members("asgi:group:g").size() == 1);
  world.executor.advance(250ms);  // and so the loss is known
  CHECK(ann.heard() == "layer_down layer_up");
}

TEST_CASE("members that join at the same time ask Redis once", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  (void)world.listener_in("g", layer);
  const auto before = std::ranges::count(world.redis.commands(), "ZADD");
  world.dialer.delay(10ms);
  std::vector<Listener*> guests;
  for (int i = 0; i < 100; ++i) {
    guests.push_back(&world.listener(layer));
    guests.back()->begin_to_join("g");
  }
  world.executor.advance(100ms);
  for (const Listener* guest : guests) CHECK(guest->joined == "joined");
  CHECK(std::ranges::count(world.redis.commands(), "ZADD") == before + 1);
}

TEST_CASE("a send to an own group notices at once that Redis has lost it", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.redis.forget();
  REQUIRE(layer.group_send("g", TinyWorld::numbered(1)));
  world.executor.advance(250ms);
  CHECK(ann.heard() == "layer_down layer_up");
}

TEST_CASE("memberships that are added and removed are not taken for lost ones", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  world.dialer.delay(50ms);
  Listener& ann = world.listener(layer);
  for (int i = 0; i < 200; ++i) {
    ann.begin_to_join("g");
    REQUIRE(layer.group_send("g", TinyWorld::numbered(i)));
    world.executor.advance(std::chrono::milliseconds(i));
    ann.leave("g");
    REQUIRE(layer.group_send("g", TinyWorld::numbered(i)));
    world.executor.advance(std::chrono::milliseconds(2 * i % 97));
  }
  world.executor.advance(1min);
  CHECK(layer.redis_stats().downs == 0);
}

TEST_CASE("a process checks its keys with one command in half an answer_time", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener(layer);
  for (int i = 0; i < 100; ++i) ann.begin_to_join("g" + std::to_string(i));
  world.executor.run_all();
  const auto before = world.redis.commands().size();
  world.executor.advance(1h);
  const auto looks = std::ranges::count(world.redis.commands(), "EVAL");
  CHECK(looks <= 3600 / 2.5);
  CHECK(looks >= 3600 / 2.5 - 1);
  const auto reads = std::ranges::count(world.redis.commands(), "BZPOPMIN");
  CHECK(world.redis.commands().size() - before - static_cast<std::size_t>(looks) <=
        static_cast<std::size_t>(2 * reads + 200));
}

// ---------------------------------------------------------------- a real server

TEST_CASE("keys that a real Redis loses are restored, and what is sent afterwards arrives", "[redis][live]") {
  RedisServer server;
  RedisOptions options = at(server);
  options.answer_time = 2s;
  CoreProcess one(options), two(at(server));
  Guest& ann = one.guest_in("users");
  REQUIRE(block_on(two.layer.group_send_confirmed("users", numbered(1))));
  REQUIRE(ann.hears("1"));
  (void)ann.take_heard();
  SECTION("FLUSHDB") { (void)server.command({"FLUSHDB"}); }
  SECTION("DEL") { (void)server.command({"DEL", "asgi:group:users"}); }
  SECTION("an eviction") {
    (void)server.command({"CONFIG", "SET", "maxmemory-policy", "allkeys-random"});
    (void)server.command({"CONFIG", "SET", "maxmemory", "1"});
    (void)server.command({"SET", "x", "y"});
    (void)server.command({"CONFIG", "SET", "maxmemory", "0"});
    REQUIRE(server.keys("asgi:group:*").empty());
  }
  SECTION("SWAPDB") { (void)server.command({"SWAPDB", "0", "5"}); }
  SECTION("flush() of another process") { REQUIRE(block_on(two.layer.flush())); }
  REQUIRE(ann.hears("layer_down layer_up"));
  REQUIRE(block_on(two.layer.group_send_confirmed("users", numbered(2))));
  CHECK(ann.hears("layer_down layer_up 2"));
}
