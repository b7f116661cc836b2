// SPDX-License-Identifier: MIT
// Memberships that are renewed before they lapse, however many there are, and cost nothing in between.
#include <algorithm>
#include <chrono>
#include <string>
#include <tuple>

#include "redis/support/tiny_world.hpp"
#include "sluice/core/log.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"
#include "support/scale.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using TinyWorlds = std::tuple<TinyWorld, TinyPubSubWorld>;

namespace {

void join_many(TinyWorld& world, Listener& member, int groups) {
  for (int i = 0; i < groups; ++i) {
    member.begin_to_join("g" + std::to_string(i));
    if (i % 1000 == 0) world.executor.run_all();
  }
  world.executor.run_all();
}

// How many groups have a member whose last renewal is younger than `age`.
std::size_t groups_within(TinyWorld& world, std::chrono::seconds age) {
  const double now = 1'700'000'000.0 + TinyWorld::seconds_of(world.executor.now() - world.began);
  const std::string oldest = std::to_string(now - TinyWorld::seconds_of(age));
  for (const std::string& key : world.redis.keys()) (void)world.redis.run({"ZREMRANGEBYSCORE", key, "0", oldest});
  return world.redis.keys().size();
}

template <class F>
auto time_of(F work) {
  const auto began = std::chrono::steady_clock::now();
  work();
  return std::chrono::steady_clock::now() - began;
}

}  // namespace

TEST_CASE("twenty thousand memberships that lapse after six seconds are all renewed", "[redis][I-4]") {
  TinyWorld world({.group_expiry = 6s});
  auto& layer = world.layer();
  const int many = test::scaled(20'000);
  join_many(world, world.listener(layer), many);
  for (int i = 0; i < 10; ++i) {
    world.executor.advance(2s);
    CHECK(groups_within(world, 6s) == many);
  }
  CHECK(layer.redis_stats().late_renewals == 0);
}

TEST_CASE("late renewals are counted and logged, and none is left out", "[redis][I-4]") {
  TinyWorld world({.group_expiry = 6s, .answer_time = 1min});
  const test::LogCapture log;
  auto& layer = world.layer();
  join_many(world, world.listener(layer), 3000);
  world.dialer.delay(1500ms);  // a round trip takes longer than the third of group_expiry after which they are renewed
  world.executor.advance(30s);
  CHECK(layer.redis_stats().late_renewals > 0);
  CHECK_THAT(log.text(), Catch::Matchers::ContainsSubstring("memberships are renewed late"));
  CHECK(log.size() < 5);
  world.dialer.delay(0ms);
  world.executor.advance(30s);
  CHECK(groups_within(world, 6s) == 3000);
}

TEST_CASE("memberships of a host that is down do not delay others", "[redis][I-4]") {
  testing::ManualExecutor executor;
  TinyRedis near(executor), far(executor);
  testing::ScriptedDialer to_near(near.server()), to_far(far.server());
  struct Both : Dialer {
    Both(Dialer& near, Dialer& far) : near(near), far(far) {}
    std::unique_ptr<ByteStream> dial(const Endpoint& to, Executor& executor, StreamEvents& events) override {
      return (to.host == "near" ? near : far).dial(to, executor, events);
    }
    Dialer &near, &far;
  } dialer(to_near, to_far);
  {
    RedisChannelLayer layer(executor, dialer, {.hosts = {"redis://near", "redis://far"}, .group_expiry = 9s});
    Listener ann(layer, executor);
    for (int i = 0; i < 20; ++i) {
      ann.begin_to_join("g" + std::to_string(i));
      executor.run_all();
    }
    to_far.refuse(true);
    to_far.break_all();
    executor.advance(1s);
    const auto renewals = [&] { return std::ranges::count(near.commands(), "ZADD"); };
    const auto at_first = renewals();
    executor.advance(10s);
    CHECK(renewals() - at_first >= 2 * static_cast<long>(near.keys().size()));
    executor.run([&] { return layer.close(); });
  }
  executor.advance(10s);
}

TEMPLATE_LIST_TEST_CASE("idle groups cost no work while nothing is due", "[redis]", TinyWorlds) {
  const auto cost_of = [](int groups) {
    TestType world({.answer_time = 1h});  // twice in that time some are looked for in Redis
    Listener& ann = world.listener(world.layer());
    for (int i = 0; i < groups; ++i) ann.begin_to_join("g" + std::to_string(i));
    world.executor.run_all();
    auto least = std::chrono::steady_clock::duration::max();
    for (int i = 0; i < 3; ++i) least = std::min(least, time_of([&] { world.executor.advance(60s); }));
    return least;
  };
  CHECK(cost_of(20'000) < 8 * cost_of(20));  // looking at each of them four times a second: several hundred times
}
