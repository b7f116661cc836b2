// SPDX-License-Identifier: MIT
// Masters that are none any more, and sentinels that know it, late or at once.
#include <map>

#include "redis/support/live_world.hpp"
#include "redis/support/tiny_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using Layers = std::tuple<CoreProcess, PubSubProcess>;

TEST_CASE("a sentinel that names an old master is not asked again before the others", "[redis][R-6]") {
  testing::ManualExecutor executor;
  TinyRedis old_master(executor), new_master(executor), lagging(executor), sentinel(executor);
  old_master.play("slave");
  lagging.name_master("old");
  sentinel.name_master("new");
  std::map<std::string, int> dialled;
  testing::ScriptedDialer dialer([&](const std::shared_ptr<testing::ScriptedPeer>& peer) {
    const std::string& host = peer->endpoint().host;
    ++dialled[host];
    TinyRedis& redis = host == "one" ? lagging : host == "two" ? sentinel : host == "old" ? old_master : new_master;
    redis.server()(peer);
  });
  {
    RedisOptions options;
    options.hosts = {"sentinel://one,two/sluice"};
    RedisChannelLayer layer(executor, dialer, options, [] { return 1'700'000'000.0; });
    executor.advance(1s);
    CHECK(layer.redis_stats().up);
    CHECK(dialled["old"] == 1);
    executor.run([&] { return layer.close(); });
  }
  executor.advance(5s);
}

TEMPLATE_LIST_TEST_CASE("a server that becomes a replica is noticed, idle and under traffic", "[redis][live][R-6]",
                        Layers) {
  RedisServer one, two;
  RedisOptions options = at(one);
  options.answer_time = 2s;
  options.reconnect_max = 200ms;
  TestType process(options);
  Guest& ann = process.guest_in("g");
  SECTION("idle") {}
  SECTION("under traffic") {
    REQUIRE(process.layer.group_send("g", numbered(1)));
    REQUIRE(ann.hears("1"));
  }
  (void)ann.take_heard();
  (void)one.command({"REPLICAOF", "127.0.0.1", std::to_string(two.port())});
  REQUIRE(ann.hears("layer_down"));
  (void)one.command({"REPLICAOF", "NO", "ONE"});
  REQUIRE(ann.hears("layer_down layer_up"));
  REQUIRE(process.layer.group_send("g", numbered(2)));
  CHECK(ann.hears("layer_down layer_up 2"));
}

TEST_CASE("a failover by hand is followed at once", "[redis][live][R-6]") {
  RedisServer master({"--repl-diskless-sync-delay", "0"});
  RedisServer replica({"--replicaof", "127.0.0.1", std::to_string(master.port())});
  REQUIRE(eventually([&] {
    return replica.command({"INFO", "replication"}).text.find("link_status:up") != std::string::npos;
  }));
  Sentinel sentinel(master);
  REQUIRE(eventually([&] { return sentinel.command({"SENTINEL", "REPLICAS", "sluice"}).elements.size() == 1; }));
  RedisOptions options = patient();  // an answer_time of 20 s: nothing else finds it
  options.hosts = {"sentinel://127.0.0.1:" + std::to_string(sentinel.port()) + "/sluice"};
  options.reconnect_max = 200ms;
  PubSubProcess process(options);
  Guest& ann = process.guest_in("g");
  REQUIRE(eventually([&] { return sentinel.command({"CLIENT", "LIST"}).text.find("sub=1") != std::string::npos; }));
  REQUIRE(eventually([&] { return !sentinel.command({"SENTINEL", "FAILOVER", "sluice"}).is_error(); }));
  REQUIRE(ann.hears("layer_down layer_up"));
  CHECK(process.layer.redis_stats().downs == 1);
  CHECK(replica.command({"PUBSUB", "NUMSUB", "asgi__group__g"}).elements[1].integer == 1);
}
