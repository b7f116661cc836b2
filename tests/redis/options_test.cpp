// SPDX-License-Identifier: MIT
// Options at the ends of their ranges: they work, or are refused at the start.
#include <limits>
#include <memory>
#include <stdexcept>

#include "redis/support/tiny_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;

TEST_CASE("a capacity as large as can be written is one that nothing fills", "[redis]") {
  constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
  TinyWorld world({.capacity = all,
                   .channel_capacity = {ChannelCapacity::glob("jobs*", all)},
                   .message_bytes = all,
                   .process_capacity = all,
                   .waiting_events = all,
                   .waiting_bytes = all});
  auto& one = world.layer();
  auto& two = world.layer();
  Listener& ann = world.listener_in("g", one);
  world.redis.run({"ZADD", "asgi:group:g", "1700000000", "specific.django!a"});
  Sent to_group(world.executor, two.group_send_confirmed("g", TinyWorld::numbered(1)));
  Sent to_plain(world.executor, two.send_confirmed("jobs", TinyWorld::numbered(1)));
  Sent to_other(world.executor, two.send_confirmed("others", TinyWorld::numbered(1)));
  Sent to_member(world.executor, two.send_confirmed(ann.name(), TinyWorld::numbered(2)));
  world.executor.run_all();
  CHECK(to_group.outcome == "reached 2, full 0");
  for (const Sent* sent : {&to_plain, &to_other, &to_member}) CHECK(sent->outcome == "reached 1, full 0");
  CHECK(ann.heard() == "1 2");
}

TEST_CASE("options at their ends work, or are refused at the start", "[redis]") {
  constexpr auto longest = std::chrono::years(100);
  RedisOptions options;
  SECTION("times") {
    options.expiry = options.group_expiry = longest;
    options.answer_time = options.join_time = options.close_time = options.reconnect_min = options.reconnect_max =
        longest;
  }
  SECTION("a second") { options.expiry = options.group_expiry = 1s; }
  SECTION("milliseconds") {
    options.answer_time = 4ms;
    options.join_time = options.close_time = 0ms;
    options.reconnect_min = options.reconnect_max = 1ms;
  }
  SECTION("one at a time") { options.waiting_events = 1, options.waiting_bytes = 1; }
  SECTION("no prefix, and a long one") { options.random_prefix_length = GENERATE(0, 1, 1024); }
  TinyWorld world(options);
  auto& one = world.layer();
  Listener& ann = world.listener(one);
  world.executor.run_all();
  if (options.join_time > 0ms) {
    ann.begin_to_join("g");
    world.executor.run_all();
    CHECK(ann.joined == "joined");
  }
  REQUIRE(one.send(ann.name(), TinyWorld::numbered(1)));
  world.executor.run_all();
  CHECK(ann.heard() == "1");
}

TEST_CASE("options that could not work are refused", "[redis][R-5][R-31]") {
  TinyWorld world;
  const auto with = [&](auto change) {
    RedisOptions options;
    change(options);
    return std::make_unique<RedisChannelLayer>(world.executor, world.dialer, options);
  };
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.hosts.clear(); }), std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.expiry = 0s; }), std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.group_expiry = 0s; }), std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.prefix = "a b"; }), std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.answer_time = 0ms; }), std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.reconnect_min = 0ms; }), std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.join_time = std::chrono::milliseconds::max(); }), std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.join_time = -1ms; }), std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.close_time = -1ms; }), std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.close_time = std::chrono::milliseconds::max(); }),
                  std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.waiting_events = 0; }), std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.random_prefix_length = std::numeric_limits<std::size_t>::max(); }),
                  std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.answer_time = std::chrono::milliseconds::max(); }),
                  std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.group_expiry = std::chrono::seconds::max(); }), std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.expiry = std::chrono::seconds(10'000'000'000); }),
                  std::invalid_argument);
}
