// SPDX-License-Identifier: MIT
// Hosts that are more than one server at an address: TLS, sentinels and what they elect, clusters and how they change.
#include <algorithm>
#include <chrono>
#include <string>
#include <tuple>

#include "redis/cluster_slots.hpp"
#include "redis/support/live_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using Layers = std::tuple<CoreProcess, PubSubProcess>;

namespace {

// "master" or "slave"; nothing while it is made another, and hangs up.
std::string role_of(const RedisServer& server) {
  try {
    return server.command({"ROLE"}).elements.front().text;
  } catch (const std::runtime_error&) {
    return {};
  }
}

std::size_t slot_of_group(const std::string& group) { return slot_of("asgi__group__" + group); }

// A group whose channel is at this node.
std::string group_at(std::size_t node) {
  for (int i = 0;; ++i) {
    std::string group = "g" + std::to_string(i);
    if (RedisCluster::owner_of(slot_of_group(group)) == node) return group;
  }
}

}  // namespace

// ---------------------------------------------------------------- TLS

TEMPLATE_LIST_TEST_CASE("TLS, with a certificate that is checked", "[redis][live][R-5]", Layers) {
  const std::string folder = temporary_folder();
  const Certificate ours(folder);
  const std::string tls_port = std::to_string(free_port());
  const auto serve = [&](const char* clients) {
    return std::make_unique<RedisServer>(std::vector<std::string>{
        "--tls-port", tls_port, "--tls-cert-file", ours.certificate_file, "--tls-key-file", ours.key_file,
        "--tls-ca-cert-file", ours.certificate_file, "--tls-auth-clients", clients});
  };
  const auto works = [&](const std::string& host, const std::string& query, auto patience) {
    RedisOptions options = patient();
    options.hosts = {"rediss://" + host + ":" + tls_port + query};
    options.join_time = patience;
    TestType process(options);
    Guest& ann = process.guest();
    if (!ann.join("g")) return false;
    REQUIRE(process.layer.group_send("g", numbered(1)));
    return ann.hears("1");
  };
  const std::string checked = "?ssl_ca_certs=" + ours.certificate_file;
  {
    const auto server = serve("no");
    CHECK(works("localhost", checked, 20s));
    CHECK(works("127.0.0.1", "?ssl_cert_reqs=none", 20s));
    CHECK_FALSE(works("localhost", "", 300ms));       // nobody we know has signed it
    CHECK_FALSE(works("127.0.0.1", checked, 300ms));  // and it is not for this name
  }
  const auto server = serve("yes");
  CHECK_FALSE(works("localhost", checked, 300ms));
  CHECK(works("localhost", checked + "&ssl_certfile=" + ours.certificate_file + "&ssl_keyfile=" + ours.key_file, 20s));
}

// ---------------------------------------------------------------- sentinels

TEST_CASE("when the master dies, the sentinels' new one is found", "[redis][live][R-6]") {
  RedisServer master({"--repl-diskless-sync-delay", "0"});
  RedisServer replica({"--replicaof", "127.0.0.1", std::to_string(master.port())});
  REQUIRE(eventually([&] {
    return replica.command({"INFO", "replication"}).text.find("link_status:up") != std::string::npos;
  }));
  Sentinel sentinel(master);
  REQUIRE(eventually([&] { return sentinel.command({"SENTINEL", "REPLICAS", "sluice"}).elements.size() == 1; }));

  RedisOptions options = patient();
  const std::string dead = std::to_string(free_port());  // nobody is there: the next one is asked
  options.hosts = {"sentinel://127.0.0.1:" + dead + ",127.0.0.1:" + std::to_string(sentinel.port()) + "/sluice/2"};
  options.reconnect_max = 200ms;
  CoreProcess core(options);
  PubSubProcess pubsub(options);
  Guest& ann = core.guest_in("g");
  Guest& bob = pubsub.guest_in("g");
  CHECK(master.command({"PUBSUB", "NUMSUB", "asgi__group__g"}).elements[1].integer == 1);

  master.stop();
  REQUIRE(ann.hears("layer_down"));
  REQUIRE(bob.hears("layer_down"));
  REQUIRE(core.layer.group_send("g", numbered(1)));
  REQUIRE(ann.hears("layer_down layer_up 1"));
  REQUIRE(bob.hears("layer_down layer_up"));
  CHECK(role_of(replica) == "master");
  REQUIRE(pubsub.layer.group_send("g", numbered(2)));
  CHECK(bob.hears("layer_down layer_up 2"));
}

// ---------------------------------------------------------------- a cluster

TEST_CASE("sharded channels of a cluster of three", "[redis][live]") {
  RedisCluster cluster;
  RedisOptions options = patient();
  options.hosts = {cluster.url()};
  options.reconnect_max = 200ms;
  PubSubProcess one(options), two(options);
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

TEST_CASE("a cluster is for the pub/sub layer, and alone", "[redis][R-8]") {
  AsioExecutors executors(1);
  AsioDialer dialer(executors);
  RedisOptions options = patient();
  options.hosts = {"cluster://127.0.0.1:1"};
  CHECK_THROWS_AS(RedisChannelLayer(executors, dialer, options), std::invalid_argument);
  options.hosts.emplace_back("redis://127.0.0.1:1");
  CHECK_THROWS_AS(RedisPubSubChannelLayer(executors, dialer, options), std::invalid_argument);
}
