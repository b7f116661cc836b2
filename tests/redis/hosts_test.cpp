// SPDX-License-Identifier: MIT
// Hosts that are more than one server at an address: TLS, sentinels and what they elect, clusters and how they change.
#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

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

namespace {

RedisOptions tls_options(const std::string& host, const Certificate& certificate) {
  RedisOptions options = patient();
  options.hosts = {host + (host.find('?') == host.npos ? "?" : "&") + "ssl_ca_certs=" + certificate.certificate_file};
  return options;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("TLS, on one io_context that four threads run", "[redis][live]", Layers) {
  constexpr int events = 500;
  const std::string folder = temporary_folder();
  const Certificate ours(folder);
  const std::uint16_t port = free_port();
  const RedisServer server(ours.serve_at(port));
  asio::io_context loop;
  auto works = asio::make_work_guard(loop);
  AsioExecutors executors({loop, loop, loop});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { loop.run(); });
  {
    AsioDialer dialer(executors);
    decltype(TestType::layer) layer(executors, dialer, tls_options("rediss://localhost:" + std::to_string(port), ours));
    std::list<Guest> guests;
    for (std::size_t i = 0; i < 3; ++i) REQUIRE(guests.emplace_back(layer, executors.at(i)).join("g"));
    std::string expected;
    for (int i = 0; i < events; ++i) {
      REQUIRE(layer.group_send_blocking("g", numbered(i)));
      expected += (i ? " " : "") + std::to_string(i);
    }
    for (const Guest& guest : guests) CHECK(guest.hears(expected));
    CHECK(layer.redis_stats().downs == 0);
    guests.clear();
    CHECK(block_on(layer.close()) == 0);
  }
  loop.stop();
  for (std::thread& thread : threads) thread.join();
}

TEMPLATE_LIST_TEST_CASE("TLS, to a sentinel and the master that it names", "[redis][live]", Layers) {
  const std::string folder = temporary_folder();
  const Certificate ours(folder);
  const std::uint16_t port = free_port();
  const RedisServer server(ours.serve_at(port));
  const Sentinel sentinel(port, ours);
  const std::string host = "sentinel://localhost:" + std::to_string(sentinel.tls_port()) + "/sluice";
  TestType process(tls_options(host + "?ssl_check_hostname=false", ours));  // the master is named by its address
  Guest& ann = process.guest_in("g");
  REQUIRE(process.layer.group_send("g", numbered(1)));
  CHECK(ann.hears("1"));
  RedisOptions checked = tls_options(host, ours);
  checked.join_time = 300ms;
  TestType refused(checked);
  CHECK_FALSE(refused.guest().join("g"));
}

TEST_CASE("TLS, to all members of a cluster", "[redis][live]") {
  const std::string folder = temporary_folder();
  const Certificate ours(folder);
  RedisCluster cluster(&ours);
  const std::string host = "cluster://localhost:" + std::to_string(cluster.tls_port()) + "?ssl_check_hostname=false";
  PubSubProcess process(tls_options(host, ours));
  for (int i = 0; i < 10; ++i) {  // on all of them
    const std::string group = "g" + std::to_string(i);
    Guest& guest = process.guest_in(group);
    REQUIRE(process.layer.group_send(group, numbered(i)));
    CHECK(guest.hears(std::to_string(i)));
  }
  CHECK(process.layer.redis_stats().downs == 0);
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

TEST_CASE("a cluster is for the pub/sub layer, and alone", "[redis][R-8]") {
  AsioExecutors executors(1);
  AsioDialer dialer(executors);
  RedisOptions options = patient();
  options.hosts = {"cluster://127.0.0.1:1"};
  CHECK_THROWS_AS(RedisChannelLayer(executors, dialer, options), std::invalid_argument);
  options.hosts.emplace_back("redis://127.0.0.1:1");
  CHECK_THROWS_AS(RedisPubSubChannelLayer(executors, dialer, options), std::invalid_argument);
}
