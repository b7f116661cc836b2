// SPDX-License-Identifier: MIT
// States in which Redis accepts what is published and nothing arrives. Each is detected within 30 s without traffic and
// within 2 s under traffic, and reported as LayerDown; nothing else is.
#include <algorithm>
#include <random>
#include <string>
#include <tuple>

#include "redis/bus/echo_proof.hpp"
#include "redis/support/live_world.hpp"
#include "redis/support/tiny_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using Worlds = std::tuple<TinyWorld, TinyPubSubWorld>;
using Layers = std::tuple<CoreProcess, PubSubProcess>;

namespace {

// How long until the listener hears of an outage, while it is sent something every 100 ms, or nothing.
template <class World>
std::chrono::milliseconds time_to_layer_down(World& world, ChannelLayer& layer, Listener& ann, bool traffic) {
  for (std::chrono::milliseconds waited = 0ms; waited < 60s; waited += 100ms) {
    if (ann.heard().find("layer_down") != std::string::npos) return waited;
    if (traffic) (void)layer.group_send("g", World::numbered(1));
    world.executor.advance(100ms);
  }
  return 1h;
}

RedisOptions quick() {
  RedisOptions options;
  options.reconnect_max = 1s;
  return options;
}

double fixed_clock() { return 1'700'000'000.0; }

// A world whose connections lead to one of two servers, which have nothing in common.
template <class Layer>
struct TwoServers {
  explicit TwoServers(std::function<bool(int dial)> leads_to_other)
      : to_the_other(std::move(leads_to_other)),
        dialer([this](const std::shared_ptr<testing::ScriptedPeer>& peer) { serve(peer); }) {
    layer = std::make_unique<Layer>(executor, dialer, quick(), fixed_clock);
  }
  ~TwoServers() {
    listeners.clear();
    layer.reset();
    executor.advance(5s);
  }
  void serve(const std::shared_ptr<testing::ScriptedPeer>& peer) {
    TinyRedis& server = to_the_other(++dials) ? other : redis;
    server.server()(peer);
  }

  testing::ManualExecutor executor;
  TinyRedis redis{executor}, other{executor};
  std::function<bool(int dial)> to_the_other;
  int dials = 0;
  testing::ScriptedDialer dialer;
  std::unique_ptr<Layer> layer;
  std::list<Listener> listeners;
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("a half-open connection, or a reader that stopped, is detected in time", "[redis]", Worlds) {
  const bool traffic = GENERATE(false, true);
  const auto moment = GENERATE(0s, 10s, 27s, 28s, 40s);  // before and behind a probe
  TestType world({.answer_time = 1h});                   // the connection's own deadline finds it as well, but later
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.executor.advance(moment);
  world.redis.lose_readers();
  CHECK(time_to_layer_down(world, layer, ann, traffic) <= (traffic ? 2s : 30s));
  world.executor.advance(10s);
  CHECK(layer.redis_stats().up);
  CHECK(layer.redis_stats().downs == 1);
  (void)ann.heard();
  REQUIRE(layer.group_send("g", TestType::numbered(2)));
  world.executor.advance(1s);
  CHECK(ann.heard() == "2");
}

TEMPLATE_LIST_TEST_CASE("a reader that is connected to another server is detected", "[redis]", Layers) {
  // An address that was given to another server between two connections.
  bool apart = true;
  using Layer = decltype(TestType::layer);
  TwoServers<Layer> world([&](int dial) { return apart && dial % 2 == 0; });
  Listener& ann = world.listeners.emplace_back(*world.layer, world.executor);
  ann.begin_to_join("g");
  world.executor.advance(4s);
  CHECK_FALSE(world.layer->redis_stats().up);
  CHECK(ann.joined == "waiting");
  apart = false;
  world.executor.advance(3s);
  CHECK(ann.joined != "waiting");
  CHECK(world.layer->redis_stats().up);
}

TEST_CASE("other processes' traffic is no proof of a connection to another server", "[redis]") {
  TwoServers<RedisPubSubChannelLayer> world([](int dial) { return dial == 2; });
  world.executor.advance(100ms);
  for (int i = 0; i < 20 && world.dials < 3; ++i) {
    world.other.run({"PUBLISH", "asgispecific.somebody", "x"});
    world.executor.advance(100ms);
  }
  CHECK(world.dials >= 3);
}

TEMPLATE_LIST_TEST_CASE("without traffic one probe is sent in 28 seconds", "[redis]", Worlds) {
  TestType world;
  auto& layer = world.layer();
  (void)world.listener_in("g", layer);
  const auto before = world.redis.probes();
  world.executor.advance(1h);
  CHECK(world.redis.probes() - before <= 3600 / 28);
  CHECK(world.redis.probes() - before >= 3600 / 30);
  CHECK(layer.redis_stats().downs == 0);
}

TEMPLATE_LIST_TEST_CASE("a process's own messages prove its connection, so that no probe is sent", "[redis]", Worlds) {
  TestType world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  const auto before = world.redis.probes();
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(layer.group_send("g", TestType::numbered(i)));
    world.executor.advance(100ms);
  }
  CHECK(world.redis.probes() == before);
  CHECK(layer.redis_stats().downs == 0);
  CHECK(std::ranges::count(ann.heard(), ' ') == 999);
}

TEMPLATE_LIST_TEST_CASE("a slow, busy or refusing Redis is not taken for one that does not deliver", "[redis]",
                        Worlds) {
  std::minstd_rand random(7);
  TestType world({.answer_time = 20s});
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  for (int hour = 0; hour < 4; ++hour) {
    for (int minute = 0; minute < 60; ++minute) {
      const auto slow = std::chrono::milliseconds(random() % 4 == 0 ? random() % 400 : 0);
      world.dialer.delay(slow);
      world.redis.fail_with(random() % 10 == 0 ? "OOM command not allowed when used memory > 'maxmemory'." : "");
      for (int i = 0; i < 10 && random() % 3 != 0; ++i) {
        (void)layer.group_send("g", TestType::numbered(i));
        (void)layer.group_send("elsewhere", TestType::numbered(i));
      }
      if (random() % 8 == 0) {
        world.dialer.hold();  // Redis stands still, or we do
        world.executor.advance(5s);
        world.dialer.release();
      }
      world.executor.advance(55s);
    }
  }
  CHECK(layer.redis_stats().downs == 0);
  CHECK(ann.heard().find("layer") == std::string::npos);
}

TEST_CASE("a layer whose timer throws continues, and still detects a Redis that does not deliver", "[redis]") {
  testing::ManualExecutor executor;
  TinyRedis redis(executor);
  testing::ScriptedDialer dialer(redis.server());
  bool broken = false;
  RedisOptions options;
  options.group_expiry = 6s;
  options.answer_time = 1h;  // so that no deadline of the connection finds it
  const auto clock = [&broken] {
    if (broken) throw std::runtime_error("no clock");
    return fixed_clock();
  };
  auto layer = std::make_unique<RedisChannelLayer>(executor, dialer, options, clock);
  {
    Listener ann(*layer, executor);
    ann.begin_to_join("g");
    executor.run_all();
    broken = true;
    CHECK_THROWS_AS(executor.advance(10s), std::runtime_error);  // at the renewal
    broken = false;
    redis.lose_readers();
    executor.advance(30s);
    CHECK(layer->redis_stats().downs == 1);
  }
  layer.reset();
  executor.advance(5s);
}

// ---------------------------------------------------------------- a real server

TEST_CASE("a subscriber that Redis disconnects at its output-buffer limit is notified", "[redis][live]") {
  RedisServer server({"--client-output-buffer-limit", "pubsub 64kb 0 0"});
  PubSubProcess process(at(server));
  Guest& ann = process.guest_in("g");
  REQUIRE(process.layer.group_send("g", *Event::parse(R"({"type":"big","x":")" + std::string(1 << 20, 'x') + "\"}")));
  REQUIRE(ann.hears("layer_down layer_up"));
  REQUIRE(process.layer.group_send("g", numbered(2)));
  CHECK(ann.hears("layer_down layer_up 2"));
}

TEMPLATE_LIST_TEST_CASE("an ACL that changes while the layer is up is reported", "[redis][live]", Layers) {
  RedisServer server;
  (void)server.command({"ACL", "SETUSER", "app", "on", ">secret", "~asgi*", "&*", "+@all"});
  RedisOptions options = patient();
  options.hosts = {"redis://app:secret@127.0.0.1:" + std::to_string(server.port())};
  options.reconnect_max = 200ms;
  TestType process(options);
  Guest& ann = process.guest_in("g");
  (void)server.command({"ACL", "SETUSER", "app", "resetkeys", "resetchannels", "~other*", "&other*"});
  REQUIRE(ann.hears("layer_down"));
  CHECK(test::stays([&] { return !process.is_up(); }, 500ms));
  (void)server.command({"ACL", "SETUSER", "app", "~asgi*", "&*"});
  REQUIRE(ann.hears("layer_down layer_up"));
  REQUIRE(process.layer.group_send("g", numbered(1)));
  CHECK(ann.hears("layer_down layer_up 1"));
}

TEST_CASE("renamed keys are reported, and written again", "[redis][live]") {
  RedisServer server;
  RedisOptions options = at(server);
  options.answer_time = 2s;
  CoreProcess process(options);
  Guest& ann = process.guest_in("g");
  (void)server.command({"RENAME", "asgi:group:g", "new:group:g"});
  REQUIRE(ann.hears("layer_down layer_up"));
  REQUIRE(process.layer.group_send("g", numbered(1)));
  CHECK(ann.hears("layer_down layer_up 1"));
}
