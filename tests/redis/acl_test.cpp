// SPDX-License-Identifier: MIT
// Users that an ACL limits to one prefix, "~asgi* &asgi*", which is enough for channels_redis.
#include <algorithm>
#include <tuple>

#include "redis/support/live_world.hpp"
#include "redis/support/tiny_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using Layers = std::tuple<CoreProcess, PubSubProcess>;

TEST_CASE("where patterns are refused each consumer's channel is subscribed while it lives", "[redis][R-40]") {
  TinyPubSubWorld world;
  const bool later = GENERATE(false, true);  // the ACL changes while the layer is up
  CAPTURE(later);
  if (!later) world.redis.refuse_patterns();
  auto& layer = world.layer();
  auto& other = world.layer();
  Listener& early = world.listener(layer);
  world.executor.run_all();
  if (later) {
    world.redis.refuse_patterns();
    world.dialer.break_all();
  }
  world.executor.advance(1s);
  CHECK(layer.redis_stats().up);
  Listener& late = world.listener_in("g", layer);
  world.executor.run_all();
  (void)early.heard();
  for (Listener* listener : {&early, &late}) {
    REQUIRE(other.send(listener->name(), TinyPubSubWorld::numbered(1)));
    REQUIRE(other.group_send("g", TinyPubSubWorld::numbered(2)));
    world.executor.run_all();
  }
  CHECK(early.heard() == "1");
  CHECK(late.heard() == "2 1 2");
  const auto is_subscribed = [&](const std::string& name) {
    return std::ranges::count(world.redis.subscriptions(), name) == 1;
  };
  const std::string name = late.name();
  CHECK(is_subscribed(name));
  late.close();
  world.executor.run_all();
  CHECK_FALSE(is_subscribed(name));
  CHECK(is_subscribed(early.name()));
}

TEST_CASE("a Redis user that may subscribe and not publish receives what others send", "[redis][live]") {
  RedisServer server;
  (void)server.command({"ACL", "SETUSER", "app", "on", ">secret", "~asgi*", "&asgi*", "+@all", "-publish"});
  RedisOptions options = patient();
  options.hosts = {"redis://app:secret@127.0.0.1:" + std::to_string(server.port())};
  PubSubProcess reader(options), sender(at(server));
  REQUIRE(block_on(reader.layer.wait_until_up()));
  Guest& ann = reader.guest_in("g");
  REQUIRE(sender.layer.group_send("g", numbered(1)));
  CHECK(ann.hears("1"));
  CHECK_FALSE(block_on(reader.layer.group_send_confirmed("g", numbered(2))));
}

TEMPLATE_LIST_TEST_CASE("a Redis user that is limited to one prefix can do all that the layer needs", "[redis][live]",
                        Layers) {
  RedisServer server;
  (void)server.command(
      {"ACL", "SETUSER", "app", "on", ">secret", "~asgi*", "&asgi*", "+@all", "-@admin", "-@dangerous"});
  RedisOptions options = patient();
  options.hosts = {"redis://app:secret@127.0.0.1:" + std::to_string(server.port())};
  TestType one(options), two(options);
  REQUIRE(block_on(one.layer.wait_until_up()));
  REQUIRE(block_on(two.layer.wait_until_up()));
  Guest& ann = one.guest_in("g");
  REQUIRE(two.layer.group_send("g", numbered(1)));
  CHECK(ann.hears("1"));
  // On the pub/sub layer a plain channel is a Redis channel by its own name, which the ACL must allow.
  auto inbox = block_on(one.layer.open_inbox("asgi-jobs"));
  REQUIRE(inbox);
  REQUIRE(two.layer.send("asgi-jobs", numbered(2)));
  CHECK(block_on(inbox->receive())->value()["n"].as_int() == 2);
  CHECK(eventually([&] {  // a subscription that was asked for when the channel opened
    const auto receipt = block_on(two.layer.send_confirmed(ann.name(), numbered(3)));
    return receipt && receipt->reached == 1;
  }));
  CHECK(ann.hears("1 3"));
  CHECK(one.layer.redis_stats().downs + two.layer.redis_stats().downs == 0);
}
