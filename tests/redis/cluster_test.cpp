// SPDX-License-Identifier: MIT
// The pub/sub layer on a Redis Cluster whose slots move or have no master, and whose masters die.
#include <algorithm>
#include <chrono>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "redis/pubsub/cluster_slots.hpp"
#include "redis/support/live_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;

namespace {

std::size_t slot_of_group(const std::string& group) { return slot_of("asgi__group__" + group); }

// A group whose channel is at this node.
std::string group_at(std::size_t node) {
  for (int i = 0;; ++i) {
    std::string group = "g" + std::to_string(i);
    if (RedisCluster::owner_of(slot_of_group(group)) == node) return group;
  }
}

RedisOptions at(const RedisCluster& cluster) {
  RedisOptions options = patient();
  options.hosts = {cluster.url()};
  options.reconnect_max = 200ms;
  return options;
}

}  // namespace

TEST_CASE("sharded channels of a cluster of three", "[redis][live]") {
  RedisCluster cluster;
  PubSubProcess one(at(cluster)), two(at(cluster));
  Guest& ann = one.guest();
  Guest& bob = two.guest();
  std::string expected;
  for (std::size_t node = 0; node < 3; ++node) {
    const std::string group = group_at(node);
    REQUIRE(ann.join(group));
    CHECK(cluster.node(node).command({"PUBSUB", "SHARDCHANNELS"}).elements.size() >= 1);
    const auto receipt = block_on(two.layer.group_send_confirmed(group, numbered(static_cast<int>(node))));
    REQUIRE(receipt);
    CHECK(receipt->reached == 1);
    expected += (node ? " " : "") + std::to_string(node);
    CHECK(ann.hears(expected));
  }
  REQUIRE(one.layer.send(bob.name(), numbered(7)));
  CHECK(bob.hears("7"));
  auto inbox = block_on(two.layer.open_inbox("jobs"));
  REQUIRE(inbox);
  REQUIRE(one.layer.send("jobs", numbered(8)));
  CHECK(block_on(inbox->receive())->value()["n"].as_int() == 8);

  SECTION("a slot moves, and its channels with it") {
    const std::string group = group_at(0);
    (void)ann.take_heard();
    cluster.move_slot(slot_of_group(group), 1);
    REQUIRE(ann.hears("layer_down layer_up"));
    CHECK(eventually([&] {
      return cluster.node(1).command({"PUBSUB", "SHARDNUMSUB", "asgi__group__" + group}).elements[1].integer == 1;
    }));
    REQUIRE(two.layer.group_send(group, numbered(9)));
    CHECK(ann.hears("layer_down layer_up 9"));
  }
  SECTION("a master dies and comes back") {
    (void)ann.take_heard();
    (void)bob.take_heard();
    cluster.node(2).stop();
    REQUIRE(ann.hears("layer_down"));
    REQUIRE(bob.hears("layer_down"));
    cluster.node(2).start();
    REQUIRE(ann.hears("layer_down layer_up"));
    REQUIRE(bob.hears("layer_down layer_up"));
    REQUIRE(two.layer.group_send(group_at(2), numbered(9)));
    CHECK(ann.hears("layer_down layer_up 9"));
  }
}

TEST_CASE("the first join in a slot that has moved works, and so does the first send", "[redis][live]") {
  RedisCluster cluster;
  PubSubProcess one(at(cluster)), two(at(cluster));
  Guest& ann = one.guest_in(group_at(1));
  REQUIRE(block_on(two.layer.wait_until_up()));
  const std::string group = group_at(0);
  cluster.move_slot(slot_of_group(group), 1);
  REQUIRE(ann.join(group));
  const auto receipt = block_on(two.layer.group_send_confirmed(group, numbered(1)));
  REQUIRE(receipt);
  CHECK(receipt->reached == 1);
  CHECK(ann.hears("1"));  // and no LayerDown: nothing was missed
  CHECK(one.layer.redis_stats().rejected + two.layer.redis_stats().rejected == 0);
}

TEST_CASE("messages that are published while slots move keep their order", "[redis][live]") {
  RedisCluster cluster;
  PubSubProcess one(at(cluster)), two(at(cluster));
  const std::string group = group_at(0);
  Guest& ann = one.guest_in(group);
  REQUIRE(block_on(two.layer.wait_until_up()));
  int sent = 0;
  for (std::size_t to : {1, 2}) {
    for (int i = 0; i < 500; ++i) REQUIRE(two.layer.group_send(group, numbered(sent++)));
    cluster.move_slot(slot_of_group(group), to);
    for (int i = 0; i < 500; ++i) REQUIRE(two.layer.group_send(group, numbered(sent++)));
  }
  REQUIRE(block_on(two.layer.group_send_confirmed(group, numbered(-1))));
  REQUIRE(eventually([&] { return one.is_up() && two.layer.redis_stats().waiting_events == 0; }));
  REQUIRE(block_on(two.layer.group_send_confirmed(group, numbered(-2))));
  REQUIRE(eventually([&] { return ann.heard().find("-2") != std::string::npos; }));
  int last = -1;  // the slot never comes back: what had been on its way there could overtake
  std::istringstream words(ann.heard());
  for (std::string word; words >> word;) {
    if (word.starts_with('-') || word.starts_with('l')) continue;
    REQUIRE(std::stoi(word) > last);
    last = std::stoi(word);
  }
  CHECK(two.layer.redis_stats().rejected == 0);
  CHECK(two.layer.redis_stats().unconfirmed == 0);
}

TEST_CASE("two thousand slots that move are reported as one outage", "[redis][live]") {
  RedisCluster cluster;
  PubSubProcess process(at(cluster));
  Guest& ann = process.guest();
  std::vector<std::string> groups;
  for (int i = 0; groups.size() < 200; ++i) {
    std::string group = "g" + std::to_string(i);
    if (slot_of_group(group) < 2000) groups.push_back(group);
  }
  for (const std::string& group : groups) REQUIRE(ann.join(group));
  for (std::size_t slot = 0; slot < 2000; ++slot) cluster.move_slot(slot, 1 + slot % 2);
  REQUIRE(ann.hears("layer_down layer_up"));
  CHECK(process.layer.redis_stats().downs == 1);
  for (const std::string& group : groups) {
    const auto receipt = block_on(process.layer.group_send_confirmed(group, numbered(1)));
    REQUIRE(receipt);
    CHECK(receipt->reached == 1);
  }
}

TEST_CASE("slots that move to a new master are reported as one outage", "[redis][live]") {
  RedisCluster cluster;
  PubSubProcess process(at(cluster));
  const std::string group = group_at(0);
  Guest& ann = process.guest_in(group);
  const std::size_t fresh = cluster.add_node();
  for (std::size_t slot = 0; slot < 20; ++slot) cluster.move_slot(slot, fresh);
  cluster.move_slot(slot_of_group(group), fresh);
  for (std::size_t slot = 20; slot < 40; ++slot) cluster.move_slot(slot, fresh);
  REQUIRE(ann.hears("layer_down layer_up"));
  const auto receipt = block_on(process.layer.group_send_confirmed(group, numbered(1)));
  REQUIRE(receipt);
  CHECK(receipt->reached == 1);
  CHECK(ann.hears("layer_down layer_up 1"));
}

TEST_CASE("a slot without a master is reported as an outage until it has one", "[redis][live]") {
  RedisCluster cluster;
  PubSubProcess process(at(cluster));
  const std::string group = group_at(0);
  Guest& ann = process.guest_in(group);
  const std::string slot = std::to_string(slot_of_group(group));
  for (std::size_t node = 0; node < 3; ++node) (void)cluster.node(node).command({"CLUSTER", "DELSLOTS", slot});
  REQUIRE(ann.hears("layer_down"));
  CHECK(test::stays([&] { return !process.is_up(); }, 300ms));
  (void)cluster.node(0).command({"CLUSTER", "ADDSLOTS", slot});
  REQUIRE(ann.hears("layer_down layer_up"));
  REQUIRE(process.layer.group_send(group, numbered(1)));
  CHECK(ann.hears("layer_down layer_up 1"));
}
