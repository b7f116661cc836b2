// SPDX-License-Identifier: MIT
// The core layer over several hosts.
#include <algorithm>

#include "redis/support/core_messages.hpp"
#include "redis/support/tiny_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;

TEST_CASE("with several hosts everything arrives, also events that Django sends to the wrong one",
          "[redis][R-22][R-4]") {
  TinyWorld world({.hosts = {"redis://one", "redis://two", "redis://three"}});
  TinyRedis servers[3]{TinyRedis(world.executor), TinyRedis(world.executor), TinyRedis(world.executor)};
  testing::ScriptedDialer dialer([&](const std::shared_ptr<testing::ScriptedPeer>& peer) {
    const std::string& host = peer->endpoint().host;
    servers[host == "one" ? 0 : host == "two" ? 1 : 2].server()(peer);
  });
  {
    RedisChannelLayer one(world.executor, dialer, world.options), two(world.executor, dialer, world.options);
    Listener ann(one, world.executor), bob(two, world.executor);
    std::string expected;
    for (int i = 0; i < 20; ++i) {
      const std::string group = "g" + std::to_string(i);
      ann.begin_to_join(group);
      world.executor.run_all();
      REQUIRE(two.group_send(group, TinyWorld::numbered(i)));
      world.executor.run_all();
      expected += (i ? " " : "") + std::to_string(i);
    }
    CHECK(ann.heard() == expected);
    for (auto& server : servers) CHECK(server.keys().size() >= 3);
    REQUIRE(one.send(bob.name(), TinyWorld::numbered(1)));
    world.executor.run_all();
    CHECK(bob.heard() == "1");
    for (auto& server : servers) {
      const std::string name = bob.name();
      server.run({"ZADD", inbox_of(bob), "1700000000",
                  member("82a474797065a17a"
                         "b05f5f617367695f6368616e6e656c5f5f"
                         "d9" +
                         to_hex(std::string(1, static_cast<char>(name.size()))) + to_hex(name))});
    }
    world.executor.run_all();
    CHECK(bob.heard() == "z z z");
  }
  world.executor.advance(5s);
  for (auto& server : servers) CHECK(server.keys().empty());
}

TEST_CASE("a host that is down delays only its own groups", "[redis]") {
  testing::ManualExecutor executor;
  TinyRedis near(executor), far(executor);
  const auto at = [](TinyRedis& server) { return testing::ScriptedDialer(server.server()); };
  testing::ScriptedDialer to_near = at(near), to_far = at(far);
  struct Both : Dialer {
    Both(Dialer& near, Dialer& far) : near(near), far(far) {}
    std::unique_ptr<ByteStream> dial(const Endpoint& to, Executor& executor, StreamEvents& events) override {
      return (to.host == "near" ? near : far).dial(to, executor, events);
    }
    Dialer &near, &far;
  } dialer(to_near, to_far);
  {
    RedisChannelLayer layer(executor, dialer, {.hosts = {"redis://near", "redis://far"}});
    Listener ann(layer, executor);
    std::string group_near, group_far;
    for (int i = 0; group_near.empty() || group_far.empty(); ++i) {
      const std::string group = "g" + std::to_string(i);
      ann.begin_to_join(group);
      executor.run_all();
      (near.members("asgi:group:" + group).empty() ? group_far : group_near) = group;
    }
    to_far.refuse(true);
    to_far.break_all();
    executor.advance(1s);
    CHECK(ann.heard() == "layer_down");
    for (int i = 0; i < 50; ++i) {
      REQUIRE(layer.group_send(group_near, TinyWorld::numbered(1)));
      REQUIRE(layer.group_send(group_far, TinyWorld::numbered(2)));
    }
    executor.advance(1s);
    const std::string meanwhile = ann.heard();
    CHECK(meanwhile.find('2') == std::string::npos);
    to_far.refuse(false);
    executor.advance(10s);
    const std::string all = meanwhile + ann.heard();
    CHECK(std::ranges::count(all, '1') == 50);
    CHECK(std::ranges::count(all, '2') == 50);
    executor.run([&] { return layer.close(); });
  }
  executor.advance(5s);
}

TEST_CASE("jobs for a plain channel go to one host after the other, as channels_redis sends them", "[redis][R-15]") {
  TinyWorld world({.hosts = {"redis://one", "redis://two", "redis://three"}});
  TinyRedis servers[3]{TinyRedis(world.executor), TinyRedis(world.executor), TinyRedis(world.executor)};
  testing::ScriptedDialer dialer([&](const std::shared_ptr<testing::ScriptedPeer>& peer) {
    const std::string& host = peer->endpoint().host;
    servers[host == "one" ? 0 : host == "two" ? 1 : 2].server()(peer);
  });
  const auto take_one = [&](std::size_t host, const char* channel) {
    const std::string reply = servers[host].run({"ZPOPMIN", std::string("asgi") + channel, "1"});
    const std::size_t at = reply.find("\xa1n");
    return at == reply.npos ? -1 : static_cast<int>(static_cast<unsigned char>(reply[at + 2]));
  };
  {
    RedisChannelLayer layer(world.executor, dialer, world.options);
    world.executor.run_all();
    for (int i = 0; i < 30; ++i) {
      REQUIRE(layer.send("jobs", TinyWorld::numbered(i)));
      if (i % 2) REQUIRE(layer.send("others", TinyWorld::numbered(i)));
    }
    world.executor.run_all();
    for (int i = 0; i < 30; ++i) CHECK(take_one(static_cast<std::size_t>(i) % 3, "jobs") == i);
    for (int i = 0; i < 15; ++i) CHECK(take_one(static_cast<std::size_t>(i) % 3, "others") == 2 * i + 1);
    world.executor.run([&] { return layer.close(); });
  }
}
