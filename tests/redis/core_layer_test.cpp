// SPDX-License-Identifier: MIT
// The core layer on scripted streams: its commands to Redis, and how it reads Redis's data.
#include <algorithm>
#include <stdexcept>

#include "redis/support/core_messages.hpp"
#include "redis/support/golden.hpp"
#include "redis/support/tiny_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using namespace std::string_literals;

TEST_CASE("a broadcast reaches the members of every process, in order", "[redis][R-16][R-18][R-19][I-2][I-3]") {
  TinyWorld world;
  auto& one = world.layer();
  auto& two = world.layer();
  Listener& ann = world.listener_in("g", one);
  Listener& bob = world.listener_in("g", one);
  Listener& cyd = world.listener_in("g", two);
  Listener& dan = world.listener_in("other", two);
  CHECK(cyd.joined == "joined");
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    REQUIRE((i % 2 ? one : two).group_send("g", TinyWorld::numbered(i)));
    if (i % 37 == 0) world.executor.run_all();
  }
  world.executor.run_all();
  for (Listener* listener : {&ann, &bob, &cyd}) {
    const std::string heard = listener->heard();
    std::vector<int> from[2];
    for (std::size_t at = 0; at < heard.size();
         at = heard.find(' ', at) == heard.npos ? heard.size() : heard.find(' ', at) + 1) {
      const int number = std::stoi(heard.substr(at));
      from[number % 2].push_back(number);
    }
    for (const auto& numbers : from) {
      CHECK(numbers.size() == 150);
      CHECK(std::ranges::is_sorted(numbers));
    }
  }
  CHECK(dan.heard().empty());
}

TEST_CASE("a process is one member of a group, and one message reaches all of its consumers", "[redis][I-5][R-21]") {
  TinyWorld world;
  auto& layer = world.layer();
  for (int i = 0; i < 1000; ++i) world.listener_in("g", layer);
  CHECK(world.redis.members("asgi:group:g").size() == 1);
  REQUIRE(layer.group_send("g", TinyWorld::numbered(1)));
  world.executor.run_all();
  CHECK(layer.redis_stats().received == 1);
  CHECK(layer.stats().deliveries == 1000);
}

TEST_CASE("an event for a channel reaches its consumer, from any process", "[redis][R-15][I-1]") {
  TinyWorld world;
  auto& one = world.layer();
  auto& two = world.layer();
  Listener& ann = world.listener(one);
  Listener& bob = world.listener(one);
  REQUIRE(two.send(ann.name(), TinyWorld::numbered(1)));
  world.executor.run_all();
  REQUIRE(one.send(ann.name(), TinyWorld::numbered(2)));
  REQUIRE(two.send(bob.name(), TinyWorld::numbered(3)));
  world.executor.run_all();
  CHECK(ann.heard() == "1 2");
  CHECK(bob.heard() == "3");
}

TEST_CASE("a group is left when its last member here leaves, and all is gone at the end", "[redis][R-17][I-6][CL-25]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  Listener& bob = world.listener_in("g", layer);
  world.listener_in("h", layer);
  ann.leave("g");
  world.executor.run_all();
  CHECK(world.redis.members("asgi:group:g").size() == 1);
  bob.close();
  world.executor.run_all();
  CHECK(world.redis.members("asgi:group:g").empty());
  world.redis.run({"ZADD", inbox_of(ann), "1", "x"});
  world.executor.run([&] { return layer.close(); });
  CHECK(world.redis.keys().empty());
  CHECK(world.redis.clients() == 0);
}

TEST_CASE("a layer that is destroyed leaves its groups in Redis", "[redis][I-6]") {
  TinyWorld world;
  world.listener_in("g", world.layer());
  CHECK(world.redis.keys().size() == 1);
  world.listeners.clear();
  world.layers.clear();
  world.executor.run_all();
  CHECK(world.redis.keys().empty());
  CHECK(world.redis.clients() == 0);
}

TEST_CASE("members that join and leave faster than Redis answers end in their last state", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  world.executor.run_all();
  world.dialer.delay(1ms);
  Listener& ann = world.listener(layer);
  for (int i = 0; i < 5; ++i) {
    ann.begin_to_join("g");
    ann.leave("g");
    for (int job = 0; job < i; ++job) world.executor.run_one();
  }
  world.executor.advance(1s);
  CHECK(world.redis.keys().empty());
  ann.begin_to_join("g");
  ann.leave("g");
  ann.begin_to_join("g");
  world.executor.advance(1s);
  CHECK(ann.joined == "joined");
  REQUIRE(layer.group_send("g", TinyWorld::numbered(1)));
  world.executor.advance(1s);
  CHECK(ann.heard() == "1");
}

TEST_CASE("group_add waits for Redis", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  world.executor.run_all();
  world.dialer.delay(10ms);
  Listener& ann = world.listener(layer);
  Listener& bob = world.listener(layer);
  ann.begin_to_join("g");
  bob.begin_to_join("g");
  CHECK(ann.joined == "waiting");
  CHECK(bob.joined == "waiting");
  world.executor.advance(100ms);
  CHECK(ann.joined == "joined");
  CHECK(bob.joined == "joined");
  Listener& cyd = world.listener(layer);
  cyd.begin_to_join("g");  // Redis knew of this process, and may have lost it
  CHECK(cyd.joined == "waiting");
  world.executor.advance(100ms);
  CHECK(cyd.joined == "joined");
}

TEST_CASE("a full inbox or channel is reported to the sender, and counted", "[redis][R-15][R-19][R-20][CL-7][CL-21]") {
  TinyWorld world({.capacity = 2});
  auto& layer = world.layer();
  world.executor.run_all();
  std::vector<std::string> outcomes;
  for (int i = 0; i < 3; ++i) {
    Sent sent(world.executor, layer.send_confirmed("jobs", TinyWorld::numbered(i)));
    world.executor.run_all();
    outcomes.push_back(sent.outcome);
  }
  CHECK(outcomes == std::vector{"reached 1, full 0"s, "reached 1, full 0"s, "channel_full"s});
  world.redis.run({"ZADD", "asgi:group:g", "1700000000", "jobs"});
  world.redis.run({"ZADD", "asgi:group:g", "1700000001", "specific.django!a"});
  world.redis.run({"ZADD", "asgi:group:g", "1700000002", "specific.django!b"});
  Sent sent(world.executor, layer.group_send_confirmed("g", TinyWorld::numbered(4)));
  world.executor.run_all();
  CHECK(sent.outcome == "reached 1, full 1");
  Sent nobody(world.executor, layer.group_send_confirmed("nobody", TinyWorld::numbered(4)));
  world.executor.run_all();
  CHECK(nobody.outcome == "reached 0, full 0");
  CHECK(layer.stats().dropped_full == 2);
  CHECK(world.redis.members("asgispecific.django!").size() == 1);
}

TEST_CASE("a message to a Django consumer is what its own layer would have written", "[redis][R-12][R-13][I-1][I-2]") {
  TinyWorld world;
  auto& layer = world.layer();
  const auto event = *Event::parse(R"({"type":"hello"})");
  world.redis.run({"ZADD", "asgi:group:g", "1700000000", "specific.django!b"});
  world.redis.run({"ZADD", "asgi:group:g", "1700000001", "specific.django!a"});
  REQUIRE(layer.send("specific.django!a", event));
  REQUIRE(layer.group_send("g", event));
  REQUIRE(layer.send("plain", event));
  world.executor.run_all();
  const auto stored = world.redis.members("asgispecific.django!");
  REQUIRE(stored.size() == 2);
  const std::string head =
                        "a474797065"
                        "a568656c6c6f",
                    key = "b05f5f617367695f6368616e6e656c5f5f";
  const std::string a = "b1" + to_hex("specific.django!a"), b = "b1" + to_hex("specific.django!b");
  CHECK(to_hex(stored[0].substr(12)) == "82" + head + key + a);
  CHECK(to_hex(stored[1].substr(12)) == "82" + head + key + "92" + b + a);
  CHECK(stored[0].substr(0, 8) < stored[1].substr(0, 8));
  CHECK(to_hex(world.redis.members("asgiplain").at(0).substr(12)) == "81" + head);
}

TEST_CASE("members that are older than a day are out of the group", "[redis][R-18]") {
  TinyWorld world;
  auto& layer = world.layer();
  world.redis.run({"ZADD", "asgi:group:g", "1699913000", "specific.old!a"});
  world.redis.run({"ZADD", "asgi:group:g", "1699913700", "specific.young!a"});
  REQUIRE(layer.group_send("g", TinyWorld::numbered(1)));
  world.executor.run_all();
  CHECK(world.redis.members("asgi:group:g") == std::vector{"specific.young!a"s});
  CHECK(world.redis.keys() == std::vector{"asgi:group:g"s, "asgispecific.young!"s});
}

TEST_CASE("expired messages are removed before a channel's length is checked", "[redis][R-15][CL-15]") {
  TinyWorld world({.capacity = 1});
  auto& layer = world.layer();
  REQUIRE(layer.send("jobs", TinyWorld::numbered(1)));
  world.executor.advance(59s);
  Sent early(world.executor, layer.send_confirmed("jobs", TinyWorld::numbered(2)));
  world.executor.advance(1s);
  CHECK(early.outcome == "channel_full");
  world.executor.advance(1s);
  Sent late(world.executor, layer.send_confirmed("jobs", TinyWorld::numbered(3)));
  world.executor.run_all();
  CHECK(late.outcome == "reached 1, full 0");
  CHECK(layer.stats().dropped_expired == 1);
}

TEST_CASE("a membership is renewed for as long as it lasts", "[redis][I-4][CL-23]") {
  TinyWorld world({.group_expiry = 600s});
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  for (int minute = 0; minute < 60; ++minute) {
    world.executor.advance(1min);
    REQUIRE(layer.group_send("g", TinyWorld::numbered(minute)));
    world.executor.run_all();
    CHECK(ann.heard() == std::to_string(minute));
  }
  const auto& commands = world.redis.commands();
  const auto added = std::ranges::count(commands, "ZADD");
  CHECK(added >= 16);  // every 200 s, and once at first
  CHECK(added <= 19);
}

TEST_CASE("malformed data in Redis harms no one", "[redis][R-34][R-35]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  const std::string inbox = inbox_of(ann), own = inbox.substr(4);
  int score = 0;
  const auto inject = [&](const std::string& bytes) {
    world.redis.run({"ZADD", inbox, std::to_string(++score), bytes});
    world.executor.run_all();
  };
  const std::string head =
      "82a474797065a17a"
      "b05f5f617367695f6368616e6e656c5f5f";
  inject("");
  inject("short");
  inject(member("c1"));
  inject(member("82a474797065a178a173a2fffe"));
  inject(member("90"));
  inject(member("81a474797065a17a"));  // for nobody
  inject(member(head + "90"));         // for an empty list
  inject(member(head + "a161"));       // for a name of no process
  inject(member(head + "d9" + to_hex(std::string(1, 60)) + to_hex(own + std::string(60 - own.size(), 'x'))));
  inject(member(head + "d9" + to_hex(std::string(1, static_cast<char>(own.size() + 3))) + to_hex(own + "g.9")));
  inject(member(head + "d9" + to_hex(std::string(1, static_cast<char>(own.size() + 3))) + to_hex(own + "g.x")));
  CHECK(layer.redis_stats().unreadable == 5);
  world.executor.run_all();
  CHECK(layer.stats().dropped_no_channel == 6);
  CHECK(ann.heard().empty());
  const std::string name = ann.name();
  inject(member(head + "92" + "d9" + to_hex(std::string(1, static_cast<char>(name.size()))) + to_hex(name) + "d9" +
                to_hex(std::string(1, static_cast<char>(name.size()))) + to_hex(name)));
  CHECK(ann.heard() == "z z");  // named twice, told twice
  REQUIRE(layer.group_send("g", TinyWorld::numbered(1)));
  world.executor.run_all();
  CHECK(ann.heard() == "1");
}

TEST_CASE("an inbox is drained in batches without delay", "[redis][I-3][R-24]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.executor.run_all();
  const auto group_member = world.redis.members("asgi:group:g").at(0);
  for (int i = 0; i < 1000; ++i) {
    const std::string packed =
        "83a474797065a178a16e"
        "cd" +
        to_hex(std::string{char(i >> 8), char(i & 255)}) +
        "b05f5f617367695f6368616e6e656c5f5f"
        "91d9" +
        to_hex(std::string(1, static_cast<char>(group_member.size()))) + to_hex(group_member);
    world.redis.run({"ZADD", inbox_of(ann), std::to_string(1'700'000'000 + i), member(packed)});
  }
  const auto before = world.redis.commands().size();
  world.executor.run_all();
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += (i ? " " : "") + std::to_string(i);
  CHECK(ann.heard() == expected);
  CHECK(world.redis.commands().size() - before < 50);
}

TEST_CASE("members of other processes are listed", "[redis][CL-24]") {
  TinyWorld world;
  auto& one = world.layer();
  Listener& ann = world.listener_in("g", one);
  world.redis.run({"ZADD", "asgi:group:g", "1700000000", "specific.django!a"});
  const auto names = world.executor.run([&] { return one.group_channels("g"); });
  REQUIRE(names);
  CHECK(*names == std::vector{ann.name(), "specific.django!a"s});
  CHECK(*world.executor.run([&] { return one.group_size("g"); }) == 2);
}

TEST_CASE("flush removes the layer's keys, and nothing else", "[redis][R-29][CL-29]") {
  TinyWorld world;
  auto& layer = world.layer();
  world.listener_in("g", layer);
  for (const char* key : {"asgi:group:h", "asgiplain", "asgispecific.x!", "asgispecific.x!$inflight", "asgi:other",
                          "asgi", "other", "asgia b"}) {
    world.redis.run({"ZADD", key, "1", "m"});
  }
  REQUIRE(world.executor.run([&] { return layer.flush(); }));
  CHECK(world.redis.keys() == std::vector{"asgi"s, "asgi:other"s, "asgia b"s, "other"s});
}

TEST_CASE("a channel may have the name of a Redis push type", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  for (const char* name : {"message", "pmessage", "smessage", "sunsubscribe"}) {
    world.redis.run({"ZADD", "asgi:group:g", "1700000000", name});
    Sent sent(world.executor, layer.group_send_confirmed("g", TinyWorld::numbered(1)));
    world.executor.run_all();
    CHECK(sent.outcome == "reached 1, full 0");
    CHECK(world.redis.members("asgi"s + name).size() == 1);
    world.redis.run({"ZREM", "asgi:group:g", name});
  }
}

TEST_CASE("calls on a closed layer return at once", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  world.executor.run([&] { return layer.close(); });
  bool up = true;
  const auto ask = [](RedisChannelLayer& closed, bool& answer) -> Task<> {
    answer = bool(co_await closed.wait_until_up());
  };
  world.executor.run([&] { return ask(layer, up); });
  CHECK_FALSE(up);
}
