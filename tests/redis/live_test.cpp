// SPDX-License-Identifier: MIT
// The layers against a real redis-server: that all of it works, and what a real server does that a small one does not.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <thread>
#include <tuple>

#include "redis/core/message_sequence.hpp"
#include "redis/support/live_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using Layers = std::tuple<CoreProcess, PubSubProcess>;

TEMPLATE_LIST_TEST_CASE("two processes share groups and channels", "[redis][live][R-7][R-43][R-44]", Layers) {
  RedisServer server;
  {
    TestType one(at(server), 2), two(at(server));
    Guest& ann = one.guest_in("g");
    Guest& bob = one.guest_in("g");
    Guest& cyd = two.guest_in("g");
    Guest& dan = two.guest_in("h");
    for (int i = 0; i < 3; ++i) REQUIRE(one.layer.group_send("g", numbered(i)));
    for (Guest* guest : {&ann, &bob, &cyd}) CHECK(guest->hears("0 1 2"));
    REQUIRE(two.layer.send(ann.name(), numbered(7)));
    REQUIRE(one.layer.send(dan.name(), numbered(8)));
    CHECK(ann.hears("0 1 2 7"));
    CHECK(dan.hears("8"));
    cyd.leave("g");
    const auto receipt = block_on(two.layer.group_send_confirmed("g", numbered(9)));
    REQUIRE(receipt);
    CHECK(receipt->full == 0);
    CHECK(ann.hears("0 1 2 7 9"));
    CHECK(cyd.heard() == "0 1 2");
  }
  CHECK(server.keys().empty());
}

TEMPLATE_LIST_TEST_CASE("any thread publishes, and with one line it waits for Redis", "[redis][live]", Layers) {
  RedisServer server;
  TestType process(at(server), 2), other(at(server));
  Guest& ann = process.guest_in("g");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 250; ++i) (void)block_on(other.layer.group_send_confirmed("g", numbered(i)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(eventually([&] { return process.layer.stats().deliveries == 1000; }));
  CHECK(std::ranges::count(ann.heard(), ' ') == 999);
}

TEMPLATE_LIST_TEST_CASE("ten thousand sends of one moment arrive in their order", "[redis][live][R-12][CL-18]",
                        Layers) {
  RedisServer server;
  TestType one(at(server)), two(at(server));
  Guest& ann = one.guest_in("g");
  std::string expected;
  for (int i = 0; i < 10'000; ++i) {
    REQUIRE(eventually([&] { return two.layer.group_send("g", numbered(i)).has_value(); }));
    expected += (i ? " " : "") + std::to_string(i);
  }
  CHECK(ann.hears(expected));
  CHECK(one.layer.stats().dropped_full == 0);
}

TEMPLATE_LIST_TEST_CASE("users, passwords and databases", "[redis][live][R-5][R-7]", Layers) {
  RedisServer server({"--requirepass", "se cret"});
  const std::string address = "127.0.0.1:" + std::to_string(server.port());
  RedisOptions options = patient();
  options.hosts = {"redis://:se%20cret@" + address + "/3"};
  TestType process(options);
  Guest& ann = process.guest_in("g");
  REQUIRE(process.layer.group_send("g", numbered(1)));
  CHECK(ann.hears("1"));
  options.hosts = {"redis://:wrong@" + address};
  options.join_time = 300ms;
  TestType stranger(options);
  const auto joined = stranger.guest().join("g");
  REQUIRE_FALSE(joined);
  CHECK(joined.error().code() == ErrorCode::timed_out);
  CHECK_FALSE(stranger.is_up());
}

TEMPLATE_LIST_TEST_CASE("a unix socket", "[redis][live][R-5]", Layers) {
  const std::string folder = temporary_folder();
  RedisServer server({"--unixsocket", folder + "/redis.sock"});
  RedisOptions options = patient();
  options.hosts = {"unix://" + folder + "/redis.sock?db=1"};
  TestType process(options);
  Guest& ann = process.guest_in("g");
  REQUIRE(process.layer.group_send("g", numbered(1)));
  CHECK(ann.hears("1"));
}

TEMPLATE_LIST_TEST_CASE("encrypted, as JSON, under another prefix", "[redis][live][R-9][R-10]", Layers) {
  RedisServer server;
  RedisOptions options = at(server);
  options.symmetric_encryption_keys = {"new", "old"};
  options.serializer_format = SerializerFormat::json;
  options.prefix = "app";
  options.random_prefix_length = 0;
  TestType one(options);
  options.symmetric_encryption_keys = {"old", "new"};
  TestType two(options);
  Guest& ann = one.guest_in("g");
  Guest& bob = two.guest_in("g");
  REQUIRE(one.layer.group_send("g", numbered(1)));
  REQUIRE(two.layer.group_send("g", numbered(2)));
  CHECK(eventually([&] { return ann.heard().size() == 3 && bob.heard().size() == 3; }));
  CHECK(server.keys("asgi*").empty());
}

TEMPLATE_LIST_TEST_CASE("several hosts", "[redis][live][R-4][R-22][R-47]", Layers) {
  RedisServer server, other;
  RedisOptions options = patient();
  options.hosts = {server.url(), other.url()};
  if (std::is_same_v<TestType, CoreProcess>) options.hosts = {server.url(0), server.url(1), other.url(0), other.url(1)};
  TestType one(options), two(options);
  REQUIRE(block_on(one.layer.wait_until_up()));
  std::string expected;
  Guest& ann = one.guest();
  for (int i = 0; i < 20; ++i) {
    REQUIRE(ann.join("g" + std::to_string(i)));
    REQUIRE(block_on(two.layer.group_send_confirmed("g" + std::to_string(i), numbered(i))));
    expected += (i ? " " : "") + std::to_string(i);
    REQUIRE(ann.hears(expected));
  }
  for (int i = 0; i < 40; ++i) {
    Guest& guest = two.guest();
    REQUIRE(one.layer.send(guest.name(), numbered(i)));
    CHECK(guest.hears(std::to_string(i)));
  }
}

// ---------------------------------------------------------------- what may happen to a server

TEMPLATE_LIST_TEST_CASE("the layer recovers from a Redis that was killed and lost its data", "[redis][live][R-48]",
                        Layers) {
  RedisServer server;
  TestType one(at(server)), two(at(server));
  Guest& ann = one.guest_in("g");
  Guest& bob = two.guest_in("g");
  server.stop();
  CHECK(ann.hears("layer_down"));
  CHECK(bob.hears("layer_down"));
  REQUIRE(one.layer.group_send("nobody", numbered(1)));
  server.start();
  CHECK(ann.hears("layer_down layer_up"));
  CHECK(bob.hears("layer_down layer_up"));
  REQUIRE(two.layer.group_send("g", numbered(2)));
  CHECK(ann.hears("layer_down layer_up 2"));
  CHECK(bob.hears("layer_down layer_up 2"));
}

TEMPLATE_LIST_TEST_CASE("the layer recovers from a Redis that does not answer", "[redis][live]", Layers) {
  RedisServer server;
  RedisOptions options = at(server);
  options.answer_time = 500ms;
  TestType process(options);
  Guest& ann = process.guest_in("g");
  server.pause();
  CHECK(ann.hears("layer_down"));
  REQUIRE(process.layer.group_send("g", numbered(1)));
  CHECK_FALSE(process.is_up());
  server.resume();
  CHECK(ann.hears("layer_down layer_up 1"));
}

TEMPLATE_LIST_TEST_CASE("the layer recovers when every connection is cut", "[redis][live]", Layers) {
  RedisServer server;
  TestType process(at(server));
  Guest& ann = process.guest_in("g");
  for (const char* kind : {"normal", "pubsub"}) {
    const auto before = process.layer.redis_stats().downs;
    if (server.command({"CLIENT", "KILL", "TYPE", kind}).integer == 0)
      continue;  // the core layer subscribes to nothing
    REQUIRE(eventually([&] { return process.layer.redis_stats().downs > before && process.is_up(); }));
  }
  (void)ann.take_heard();
  REQUIRE(process.layer.group_send("g", numbered(1)));
  CHECK(eventually([&] { return ann.heard().ends_with("1"); }));
}

TEST_CASE("the layer continues while Redis is out of memory", "[redis][live]") {
  RedisServer server;
  CoreProcess process(at(server));
  Guest& ann = process.guest_in("g");
  (void)server.command({"CONFIG", "SET", "maxmemory", "1"});
  const auto receipt = block_on(process.layer.group_send_confirmed("g", numbered(1)));
  REQUIRE_FALSE(receipt);
  CHECK(receipt.error().message().find("OOM") != std::string::npos);
  CHECK(process.layer.redis_stats().rejected == 1);
  CHECK_FALSE(process.guest().join("h"));
  (void)server.command({"CONFIG", "SET", "maxmemory", "0"});
  REQUIRE(block_on(process.layer.group_send_confirmed("g", numbered(2))));
  CHECK(ann.hears("2"));
  CHECK(process.layer.redis_stats().downs == 0);
}

TEST_CASE("the pub/sub layer works while Redis is out of memory", "[redis][live]") {
  RedisServer server({"--maxmemory", "1"});
  PubSubProcess process(at(server));
  Guest& ann = process.guest_in("g");
  REQUIRE(block_on(process.layer.group_send_confirmed("g", numbered(1))));
  CHECK(ann.hears("1"));
  CHECK(process.layer.redis_stats().rejected == 0);
}

TEST_CASE("a sender with a wrong clock affects only its own events", "[redis][live][R-32]") {
  RedisServer server;
  AsioExecutors executors(1);
  AsioDialer dialer(executors);
  CoreProcess process(at(server));
  Guest& ann = process.guest_in("g");
  for (const double skew : {-50.0, 50.0, -86'000.0}) {
    RedisChannelLayer sender(executors, dialer, at(server), [skew] { return unix_time() + skew; });
    REQUIRE(block_on(sender.group_send_confirmed("g", numbered(1))));
    REQUIRE(block_on(process.layer.group_send_confirmed("g", numbered(2))));
    CHECK(eventually([&] { return ann.heard().size() == 3; }));
    (void)ann.take_heard();
    block_on(sender.close());
  }
}

TEMPLATE_LIST_TEST_CASE("ten thousand groups are restored soon after a restart", "[redis][live]", Layers) {
  RedisServer server;
  TestType process(at(server));
  Guest& ann = process.guest();
  REQUIRE(ann.join_numbered("g", 10'000));
  server.stop();
  REQUIRE(ann.hears("layer_down"));
  server.start();
  const auto began = std::chrono::steady_clock::now();
  REQUIRE(eventually([&] { return process.is_up(); }));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const bool keys = std::is_same_v<TestType, CoreProcess>;
  CHECK((keys ? server.keys("asgi:group:*").size()
              : server.command({"PUBSUB", "CHANNELS", "asgi__group__*"}).elements.size()) == 10'000);
  WARN("10,000 groups: up again " << took.count() << " s after the server");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(took < 5s);  // where nothing else goes on, a tenth of it; with a sanitizer, ten times
#endif
  REQUIRE(process.layer.group_send("g9999", numbered(1)));
  CHECK(ann.hears("layer_down layer_up 1"));
}

TEST_CASE("workers of two processes share the jobs", "[redis][live][R-26]") {
  RedisServer server;
  RedisOptions options = at(server);
  options.capacity = 2000;
  CoreProcess one(options), two(options);
  std::atomic<int> done{0};
  std::mutex mutex;
  std::multiset<int> seen;
  std::vector<std::thread> threads;
  for (int worker = 0; worker < 4; ++worker) {
    threads.emplace_back([&, worker] {
      auto inbox = block_on((worker % 2 ? one : two).layer.open_inbox("jobs"));
      while (inbox) {
        const auto event = block_on(inbox->receive());
        const auto number = static_cast<int>(*event->value()["n"].as_int());
        if (number < 0) break;
        std::lock_guard lock(mutex);
        seen.insert(number);
        ++done;
      }
    });
  }
  for (int i = 0; i < 1500; ++i) REQUIRE(block_on(one.layer.send_confirmed("jobs", numbered(i))));
  REQUIRE(eventually([&] { return done >= 1500; }));
  for (int i = 0; i < 4; ++i) REQUIRE(one.layer.send("jobs", numbered(-1)));
  for (std::thread& thread : threads) thread.join();
  CHECK(seen.size() == 1500);
  CHECK(std::set<int>(seen.begin(), seen.end()).size() == 1500);
}
