// SPDX-License-Identifier: MIT
// A Redis that serves us, but refuses some commands: renamed, or kept from this user by its ACL.
#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>
#include <tuple>

#include "redis/support/live_world.hpp"
#include "redis/support/tiny_world.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using TinyWorlds = std::tuple<TinyWorld, TinyPubSubWorld>;

namespace {

// Commands that the server has served.
std::int64_t served(const RedisServer& server) {
  const std::string info = server.command({"INFO", "stats"}).text;
  const std::string name = "total_commands_processed:";
  return std::stoll(info.substr(info.find(name) + name.size()));
}

}  // namespace

TEST_CASE("a Redis that refuses blocking reads is polled every second", "[redis]") {
  TinyWorld world;
  test::LogCapture log;
  world.redis.refuse("BZPOPMIN", "ERR unknown command 'BZPOPMIN'");
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  const auto before = world.redis.commands().size();
  world.executor.advance(1min);
  CHECK(world.redis.commands().size() - before < 200);
  CHECK(log.count("unknown command 'BZPOPMIN'") == 1);
  CHECK(layer.redis_stats().rejected >= 50);
  REQUIRE(layer.group_send("g", TinyWorld::numbered(1)));
  world.executor.advance(2s);
  CHECK(ann.heard() == "1");
}

TEMPLATE_LIST_TEST_CASE("sends that are refused are counted, and logged once", "[redis]", TinyWorlds) {
  TestType world;
  test::LogCapture log;
  auto& layer = world.layer();
  world.listener_in("g", layer);
  world.redis.refuse("EVAL", "NOPERM this user has no permissions to run the 'eval' command");
  world.redis.refuse("PUBLISH", "NOPERM this user has no permissions to run the 'publish' command");
  for (int i = 0; i < 20; ++i) {  // within the time after which the layer probes whether it can publish at all
    REQUIRE(layer.group_send("g", TestType::numbered(i)));
    world.executor.advance(1s);
  }
  CHECK(log.count("NOPERM") == 1);
  CHECK(log.count("group_send \"g\"") == 1);
  CHECK(layer.redis_stats().rejected == 20);
  CHECK(layer.redis_stats().undelivered == 20);
}

TEMPLATE_LIST_TEST_CASE("a Redis user that may not publish reads, and the missing proof is logged once", "[redis]",
                        TinyWorlds) {
  const bool later = GENERATE(false, true);  // the ACL changes while the layer is up
  TestType world;
  test::LogCapture log;
  const auto refuse = [&] {
    world.redis.refuse("ZADD", "NOPERM this user has no permissions to run the 'zadd' command");
    world.redis.refuse("PUBLISH", "NOPERM this user has no permissions to run the 'publish' command");
  };
  if (!later) refuse();
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  if (later) refuse();
  world.executor.advance(10min);
  CHECK(layer.redis_stats().up);
  CHECK(layer.redis_stats().downs == 0);
  CHECK(ann.heard() == "");
  INFO(log.text());
  CHECK(log.count("not proven") == 1);
}

TEMPLATE_LIST_TEST_CASE("a lost host is logged in one line", "[redis]", TinyWorlds) {
  TestType world;
  auto& layer = world.layer();
  world.listener_in("g", layer);
  test::LogCapture log;
  world.dialer.break_all();
  world.executor.advance(1s);
  CHECK(layer.redis_stats().downs == 1);
  INFO(log.text());
  CHECK(log.count("connection reset") == 1);
  CHECK(log.size() == 2);  // lost, found
}

TEST_CASE("joins that are refused are logged once, whatever group they were for", "[redis]") {
  TinyWorld world;
  test::LogCapture log;
  auto& layer = world.layer();
  Listener& ann = world.listener(layer);
  world.executor.run_all();
  world.redis.refuse("ZADD", "NOPERM this user has no permissions to access one of the keys used as arguments");
  for (int i = 0; i < 20; ++i) {
    ann.begin_to_join("g" + std::to_string(i));
    world.executor.advance(1s);
    CHECK(ann.joined == "layer_unavailable");
  }
  CHECK(log.count("NOPERM") == 1);
  CHECK(layer.redis_stats().rejected == 20);
}

TEMPLATE_LIST_TEST_CASE("a Redis that connects and then refuses is retried with back-off, and logged once", "[redis]",
                        TinyWorlds) {
  TestType world;
  test::LogCapture log;
  world.redis.fail_with(GENERATE("READONLY You can't write against a read only replica.",
                                 "NOPERM this user has no permissions to access one of the channels used as arguments",
                                 "LOADING Redis is loading the dataset in memory"));
  (void)world.layer();
  world.executor.advance(10s);
  const auto commands = world.redis.commands().size();
  const auto dials = world.dialer.dials();
  world.executor.advance(5min);
  CHECK(world.dialer.dials() - dials < 400);
  CHECK(world.redis.commands().size() - commands < 1000);
  INFO(log.text());
  CHECK(log.size() <= 3);
  CHECK(log.size() >= 1);
}

TEST_CASE("live: commands that a server does not know or allow cause no storm", "[redis][live]") {
  using Words = std::vector<std::string>;
  const Words arguments = GENERATE(Words{}, Words{"--rename-command", "BZPOPMIN", ""});
  RedisServer server(arguments);
  if (arguments.empty()) {
    (void)server.command(
        GENERATE(Words{"ACL", "SETUSER", "default", "-@blocking"}, Words{"ACL", "SETUSER", "default", "-eval"},
                 Words{"ACL", "SETUSER", "default", "resetchannels"}, Words{"REPLICAOF", "127.0.0.1", "1"}));
  }
  test::LogCapture log;
  RedisOptions options = at(server);
  options.close_time = 100ms;
  const auto before = served(server);
  {
    CoreProcess core(options);
    PubSubProcess pubsub(options);
    for (int i = 0; i < 10; ++i) {
      (void)core.layer.group_send("g", numbered(i));
      (void)pubsub.layer.group_send("g", numbered(i));
    }
    std::int64_t asked = 0;  // by this test
    CHECK(test::stays([&] { return served(server) - before - ++asked < 300; }, 2s));
    INFO(log.text());
    CHECK(log.size() <= 6);
  }
}
