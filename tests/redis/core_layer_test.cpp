// SPDX-License-Identifier: MIT
// The core layer on scripted streams: what it says to Redis, and how it takes what Redis and the network do to it.
#include <algorithm>
#include <set>
#include <stdexcept>

#include "redis/core_keys.hpp"
#include "redis/inbox_session.hpp"
#include "redis/support/golden.hpp"
#include "redis/support/tiny_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

std::string inbox_of(const Listener& listener) { return "asgi" + std::string(non_local_name(listener.name())); }

// What Redis is given to store: the prefix of random bytes, then the message.
std::string member(std::string_view packed_in_hex) { return std::string(12, '\1') + from_hex(packed_in_hex); }

// Reads one event after the other.
class Worker {
 public:
  Worker(TinyWorld& world, ChannelLayer& layer, std::string name)
      : executor_(world.executor), inbox_(*executor_.run([&] { return layer.open_inbox(name); })) {}
  ~Worker() {
    executor_.run([this] { task_.reset(); });
  }
  void work(int events) {
    executor_.run([&] {
      task_.emplace(read(events));
      (void)task_->start({[](void*) noexcept {}, nullptr});
    });
  }
  void stop() {
    executor_.run([this] { task_.reset(); });
  }
  std::vector<int> seen;
  Inbox& inbox() { return inbox_; }

 private:
  Task<> read(int events) {
    while (events-- > 0) {
      auto event = co_await inbox_.receive();
      seen.push_back(static_cast<int>(*event->value()["n"].as_int()));
    }
  }
  testing::ManualExecutor& executor_;
  Inbox inbox_;
  std::optional<Task<>> task_;
};

}  // namespace

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

TEST_CASE("what is sent to a channel reaches that consumer, from any process", "[redis][R-15][I-1]") {
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

TEST_CASE("a layer that is destroyed says goodbye as well", "[redis][I-6]") {
  TinyWorld world;
  world.listener_in("g", world.layer());
  CHECK(world.redis.keys().size() == 1);
  world.listeners.clear();
  world.layers.clear();
  world.executor.run_all();
  CHECK(world.redis.keys().empty());
  CHECK(world.redis.clients() == 0);
}

TEST_CASE("members that come and go faster than Redis answers are what they are at last", "[redis]") {
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
  cyd.begin_to_join("g");  // Redis knows of this process
  CHECK(cyd.joined == "joined");
}

TEST_CASE("a full inbox or channel is told to who asks, and counted", "[redis][R-15][R-19][R-20][CL-7][CL-21]") {
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

TEST_CASE("what is too old is removed before it is counted", "[redis][R-15][CL-15]") {
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

TEST_CASE("nothing that comes from outside harms anybody", "[redis][R-34][R-35]") {
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

TEST_CASE("an inbox is drained in batches, and at once", "[redis][I-3][R-24]") {
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

TEST_CASE("a channel may be called as Redis calls what it pushes", "[redis]") {
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

// ---------------------------------------------------------------- Redis comes and goes

TEST_CASE("who listens for it hears that Redis is gone and back", "[redis][DI-10]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  Listener& loner = world.listener(layer);
  world.dialer.refuse(true);
  world.dialer.break_all();
  world.executor.advance(1min);
  CHECK(ann.heard() == "layer_down");
  CHECK(loner.heard() == "layer_down");
  CHECK_FALSE(layer.redis_stats().up);
  world.dialer.refuse(false);
  world.executor.advance(10s);
  CHECK(ann.heard() == "layer_up");
  CHECK(loner.heard() == "layer_up");
  CHECK(layer.redis_stats().up);
  CHECK(layer.redis_stats().downs == 1);
}

TEST_CASE("a Redis that forgot everything is told again who is where", "[redis]") {
  TinyWorld world;
  auto& one = world.layer();
  auto& two = world.layer();
  Listener& ann = world.listener_in("g", one);
  Listener& bob = world.listener_in("g", two);
  Listener& gone = world.listener_in("h", two);
  world.redis.forget();
  world.dialer.break_all();
  gone.leave("h");
  world.executor.advance(10s);
  CHECK(ann.heard() == "layer_down layer_up");
  (void)bob.heard();
  REQUIRE(one.group_send("g", TinyWorld::numbered(1)));
  world.executor.run_all();
  CHECK(ann.heard() + bob.heard() == "11");
  CHECK(world.redis.keys() == std::vector{"asgi:group:g"s});
}

TEST_CASE("who left while Redis was away has left once it is back", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.dialer.refuse(true);
  world.dialer.break_all();
  world.executor.run_all();
  ann.leave("g");
  world.executor.run_all();
  CHECK(world.redis.keys() == std::vector{"asgi:group:g"s});
  world.dialer.refuse(false);
  world.executor.advance(10s);
  CHECK(world.redis.keys().empty());
  CHECK(layer.redis_stats().memberships == 0);
}

TEST_CASE("group_add waits while Redis is away, for a time", "[redis]") {
  TinyWorld world({.reconnect_max = 200ms});
  auto& layer = world.layer();
  world.dialer.refuse(true);
  Listener& ann = world.listener(layer);
  ann.begin_to_join("g");
  world.executor.advance(4s);
  CHECK(ann.joined == "waiting");
  SECTION("it comes in time") {
    world.dialer.refuse(false);
    world.executor.advance(10s);
    CHECK(ann.joined == "joined");
    REQUIRE(layer.group_send("g", TinyWorld::numbered(1)));
    world.executor.run_all();
    CHECK(ann.heard() == "1");
  }
  SECTION("it does not") {
    world.executor.advance(2s);
    CHECK(ann.joined == "timed_out");
    world.dialer.refuse(false);
    world.executor.advance(10s);
    CHECK(world.redis.keys().empty());
    CHECK(layer.stats().groups == 0);
  }
  SECTION("its consumer does not wait for it") {
    ann.close();
    world.dialer.refuse(false);
    world.executor.advance(10s);
    CHECK(world.redis.keys().empty());
  }
}

TEST_CASE("a member that joins again while Redis is away stays one, whatever comes of it", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.dialer.refuse(true);
  world.dialer.break_all();
  world.executor.run_all();
  ann.begin_to_join("g");
  world.executor.advance(11s);
  CHECK(ann.joined == "timed_out");
  CHECK(layer.stats().groups == 1);
}

TEST_CASE("what is sent while Redis is away waits, in its order", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.dialer.refuse(true);
  world.dialer.break_all();
  world.executor.advance(1s);
  for (int i = 0; i < 5; ++i) {
    REQUIRE((i % 2 ? layer.send(ann.name(), TinyWorld::numbered(i)) : layer.group_send("g", TinyWorld::numbered(i))));
  }
  Sent sent(world.executor, layer.group_send_confirmed("g", TinyWorld::numbered(5)));
  world.executor.advance(1s);
  CHECK(layer.redis_stats().waiting_events == 6);
  CHECK(sent.outcome == "waiting");
  world.dialer.refuse(false);
  world.executor.advance(10s);
  CHECK(sent.outcome == "reached 1, full 0");
  // A send goes to the inbox's host, a group_send to the group's: with one host, that is one order.
  CHECK(ann.heard() == "layer_down layer_up 0 1 2 3 4 5");
  CHECK(layer.redis_stats().waiting_events == 0);
  CHECK(layer.redis_stats().waiting_bytes == 0);
}

TEST_CASE("what waits is bounded, in number and bytes, and what is past it is refused", "[redis]") {
  RedisOptions options;
  SECTION("in number") { options.waiting_events = 10; }
  SECTION("in bytes") { options.waiting_bytes = 150; }
  TinyWorld world(options);
  auto& layer = world.layer();
  world.dialer.refuse(true);
  int taken = 0;
  for (int i = 0; i < 100; ++i) {
    const auto sent = layer.group_send("g", TinyWorld::numbered(i));
    if (sent) ++taken;
    if (!sent) CHECK(sent.error().code() == ErrorCode::layer_unavailable);
  }
  CHECK(taken < 15);
  CHECK(taken > 5);
  CHECK(layer.redis_stats().refused == static_cast<std::uint64_t>(100 - taken));
  CHECK(layer.redis_stats().waiting_events == static_cast<std::uint64_t>(taken));
  world.dialer.refuse(false);
  world.executor.advance(10s);
  CHECK(layer.redis_stats().waiting_events == 0);
  CHECK(layer.group_send("g", TinyWorld::numbered(1)));
}

TEST_CASE("what has waited for as long as an event lives is dropped and told", "[redis][CL-15]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.dialer.refuse(true);
  world.dialer.break_all();
  world.executor.advance(1s);
  Sent old(world.executor, layer.group_send_confirmed("g", TinyWorld::numbered(1)));
  world.executor.advance(30s);
  Sent young(world.executor, layer.group_send_confirmed("g", TinyWorld::numbered(2)));
  world.executor.advance(31s);
  CHECK(old.outcome == "layer_unavailable");
  CHECK(young.outcome == "waiting");
  CHECK(layer.redis_stats().expired_waiting == 1);
  world.dialer.refuse(false);
  world.executor.advance(10s);
  CHECK(young.outcome == "reached 1, full 0");
  CHECK(ann.heard() == "layer_down layer_up 2");
}

TEST_CASE("a Redis that is full refuses, and the layer goes on", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.redis.fail_with("OOM command not allowed when used memory > 'maxmemory'.");
  Sent sent(world.executor, layer.send_confirmed(ann.name(), TinyWorld::numbered(1)));
  Sent to_group(world.executor, layer.group_send_confirmed("g", TinyWorld::numbered(1)));
  Listener& bob = world.listener(layer);
  bob.begin_to_join("h");
  world.executor.advance(1s);
  CHECK(sent.outcome == "layer_unavailable");
  CHECK(to_group.outcome == "layer_unavailable");
  CHECK(bob.joined == "layer_unavailable");
  CHECK(layer.redis_stats().rejected == 4);  // a join that failed leaves, and this Redis refuses even that
  world.redis.fail_with("");
  world.executor.advance(10s);
  REQUIRE(layer.group_send("g", TinyWorld::numbered(2)));
  world.executor.run_all();
  CHECK(ann.heard() == "2");
  CHECK(layer.redis_stats().downs == 0);
  CHECK(layer.stats().groups == 1);
}

TEST_CASE("a Redis that refuses to be read is asked again now and then, and heard once it lets us", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  Worker worker(world, layer, "jobs");
  worker.work(1);
  world.executor.run_all();
  const auto before = world.redis.commands().size();
  world.redis.fail_with("MISCONF Redis is configured to save RDB snapshots, but it's unable to persist to disk.");
  world.executor.advance(1min);
  CHECK(world.redis.commands().size() - before < 200);
  CHECK(layer.redis_stats().downs == 0);
  world.redis.fail_with("");
  world.executor.advance(2s);
  REQUIRE(layer.group_send("g", TinyWorld::numbered(2)));
  REQUIRE(layer.send("jobs", TinyWorld::numbered(3)));
  world.executor.run_all();
  CHECK(ann.heard() == "2");
  CHECK(worker.seen == std::vector{3});
}

TEST_CASE("who left while Redis refused has left once it does not", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.redis.fail_with("MISCONF Redis is configured to save RDB snapshots, but it's unable to persist to disk.");
  ann.leave("g");
  world.executor.advance(3s);
  world.redis.fail_with("");
  CHECK(world.redis.members("asgi:group:g").size() == 1);
  world.executor.advance(10s);
  CHECK(world.redis.members("asgi:group:g").empty());
  CHECK(layer.redis_stats().memberships == 0);
}

TEST_CASE("a Redis that stands still for 20 seconds is missed and found again", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.dialer.hold();
  REQUIRE(layer.group_send("g", TinyWorld::numbered(1)));
  world.executor.advance(20s);
  CHECK(ann.heard() == "layer_down");
  REQUIRE(layer.group_send("g", TinyWorld::numbered(2)));
  world.dialer.release();
  world.executor.advance(20s);
  CHECK(ann.heard() == "layer_up 1 2");  // the first was looked up, and not yet written
}

TEST_CASE("what is sent after a half-open connection was left is for the new one", "[redis][DI-10]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.redis.hear_no_ends(true);
  for (int i = 0; i < 3; ++i) {
    world.dialer.break_all();
    world.executor.run_all();
    world.executor.advance(500ms);
    CHECK(ann.heard() == "layer_down layer_up");
    REQUIRE(layer.group_send("g", TinyWorld::numbered(i)));  // the old reader still waits for it
    world.executor.run_all();
    CHECK(ann.heard() == std::to_string(i));
  }
  CHECK(layer.redis_stats().unreadable == 0);
}

TEST_CASE("a slow Redis is waited for, and nothing is lost", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener_in("g", layer);
  world.dialer.delay(200ms);
  for (int i = 0; i < 20; ++i) REQUIRE(layer.group_send("g", TinyWorld::numbered(i)));
  world.executor.advance(30s);
  CHECK(ann.heard() == "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19");
  CHECK(layer.redis_stats().downs == 0);
}

TEST_CASE("wherever a connection breaks, all is well again, and each event is heard once or told as lost", "[redis]") {
  for (std::size_t operation = 1;; ++operation) {
    TinyWorld world;
    world.dialer.fail_at(operation);
    auto& one = world.layer();
    auto& two = world.layer();
    Listener& ann = world.listener(one);
    ann.begin_to_join("g");
    world.executor.advance(3s);
    Sent first(world.executor, two.group_send_confirmed("g", TinyWorld::numbered(1)));
    Sent second(world.executor, two.send_confirmed(ann.name(), TinyWorld::numbered(2)));
    world.executor.advance(3s);
    ann.leave("g");
    ann.begin_to_join("h");
    Sent third(world.executor, one.group_send_confirmed("h", TinyWorld::numbered(3)));
    world.executor.advance(22s);
    if (world.dialer.operations() < operation) break;
    INFO("broken at " << operation);
    CHECK(ann.joined == "joined");
    std::string heard = ann.heard();
    const auto times = [&](char number) { return std::ranges::count(heard, number); };
    const auto as_told = [&](const Sent& sent, char number) {
      INFO(number << ": " << sent.outcome << "; heard: " << heard);
      CHECK(times(number) <= 1);
      if (sent.outcome == "waiting") FAIL("it never ends");
    };
    as_told(first, '1');
    as_told(second, '2');
    as_told(third, '3');
    // Now everything works.
    REQUIRE(two.group_send("h", TinyWorld::numbered(4)));
    world.executor.advance(1s);
    CHECK(ann.heard() == "4");
    CHECK(world.redis.members("asgi:group:g").empty());
    world.executor.run([&] { return one.close(); });
    world.executor.run([&] { return two.close(); });
    CHECK(world.redis.keys().empty());
    CHECK(one.redis_stats().waiting_events + two.redis_stats().waiting_events == 0);
  }
}

TEST_CASE("ten thousand groups are told again at once", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Listener& ann = world.listener(layer);
  for (int i = 0; i < 10'000; ++i) {
    ann.begin_to_join("g" + std::to_string(i));
    if (i % 1000 == 0) world.executor.run_all();
  }
  world.executor.run_all();
  CHECK(world.redis.keys().size() == 10'000);
  world.redis.forget();
  world.dialer.break_all();
  world.executor.advance(1s);
  CHECK(layer.redis_stats().up);
  CHECK(world.redis.keys().size() == 10'000);
}

// ---------------------------------------------------------------- several hosts

TEST_CASE("with several hosts everything arrives, also what Django sends to the wrong one", "[redis][R-22][R-4]") {
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

TEST_CASE("one host that is away stops what goes there, and nothing else", "[redis]") {
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

// ---------------------------------------------------------------- workers

TEST_CASE("each job goes to one worker, in whatever process", "[redis][CL-8][R-26][R-28]") {
  TinyWorld world({.capacity = 10'000});
  auto& one = world.layer();
  auto& two = world.layer();
  std::list<Worker> workers;
  for (int i = 0; i < 6; ++i) {
    workers.emplace_back(world, i % 2 ? one : two, "jobs");
    workers.back().work(100'000);
  }
  world.executor.run_all();
  for (int i = 0; i < 500; ++i) {
    REQUIRE(one.send("jobs", TinyWorld::numbered(i)));
    if (i % 9 == 0) world.executor.run_all();
  }
  world.executor.run_all();
  std::multiset<int> all;
  for (const Worker& worker : workers) {
    CHECK(worker.seen.size() > 10);
    all.insert(worker.seen.begin(), worker.seen.end());
  }
  CHECK(all.size() == 500);
  CHECK(std::set<int>(all.begin(), all.end()).size() == 500);
  workers.clear();
}

TEST_CASE("a process takes a job when somebody waits for it", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Worker worker(world, layer, "jobs");
  for (int i = 0; i < 3; ++i) REQUIRE(layer.send("jobs", TinyWorld::numbered(i)));
  world.executor.run_all();
  CHECK(world.redis.members("asgijobs").size() == 3);
  worker.work(1);
  world.executor.run_all();
  CHECK(worker.seen == std::vector{0});
  CHECK(world.redis.members("asgijobs").size() == 2);
}

TEST_CASE("a worker that gives up leaves its job to others", "[redis][CL-8]") {
  TinyWorld world;
  auto& one = world.layer();
  auto& two = world.layer();
  auto quits = std::make_unique<Worker>(world, one, "jobs");
  quits->work(1);
  world.executor.run_all();
  REQUIRE(two.send("jobs", TinyWorld::numbered(1)));
  while (world.redis.commands().back() != "EVAL") REQUIRE(world.executor.run_one());
  quits->stop();  // the event is on its way to this process
  world.executor.run_all();
  Worker stays(world, two, "jobs");
  stays.work(1);
  world.executor.run_all();
  CHECK(stays.seen.empty());
  quits.reset();  // nobody here reads it any more: it goes back
  world.executor.run_all();
  CHECK(stays.seen == std::vector{1});
}

TEST_CASE("a job that is too old is not done", "[redis][R-27][CL-16]") {
  TinyWorld world;
  auto& layer = world.layer();
  REQUIRE(layer.send("jobs", TinyWorld::numbered(1)));
  world.executor.advance(30s);
  REQUIRE(layer.send("jobs", TinyWorld::numbered(2)));
  world.executor.advance(31s);
  Worker worker(world, layer, "jobs");
  worker.work(2);
  world.executor.run_all();
  CHECK(worker.seen == std::vector{2});
  CHECK(layer.stats().dropped_expired == 1);
}

TEST_CASE("workers go on when Redis was away", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Worker worker(world, layer, "jobs");
  worker.work(2);
  world.executor.run_all();
  world.dialer.break_all();
  world.executor.advance(10s);
  REQUIRE(layer.send("jobs", TinyWorld::numbered(1)));
  REQUIRE(layer.send("jobs", TinyWorld::numbered(2)));
  world.executor.advance(1s);
  CHECK(worker.seen == std::vector{1, 2});
}

TEST_CASE("a job that is sent after a half-open connection was left is done", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  Worker worker(world, layer, "jobs");
  worker.work(3);
  world.executor.run_all();
  world.redis.hear_no_ends(true);
  for (int i = 1; i <= 3; ++i) {
    world.dialer.break_all();
    world.executor.run_all();
    world.executor.advance(500ms);
    REQUIRE(layer.send("jobs", TinyWorld::numbered(i)));  // the old reader still waits for it
    world.executor.run_all();
    CHECK(worker.seen.size() == static_cast<std::size_t>(i));
  }
}

// ---------------------------------------------------------------- the rest

TEST_CASE("members of other processes are named", "[redis][CL-24]") {
  TinyWorld world;
  auto& one = world.layer();
  Listener& ann = world.listener_in("g", one);
  world.redis.run({"ZADD", "asgi:group:g", "1700000000", "specific.django!a"});
  const auto names = world.executor.run([&] { return one.group_channels("g"); });
  REQUIRE(names);
  CHECK(*names == std::vector{ann.name(), "specific.django!a"s});
  CHECK(*world.executor.run([&] { return one.group_size("g"); }) == 2);
}

TEST_CASE("flush removes what is the layer's, and nothing else", "[redis][R-29][CL-29]") {
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

TEST_CASE("nobody waits for a layer that was closed", "[redis]") {
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
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.answer_time = std::chrono::milliseconds::max(); }),
                  std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.group_expiry = std::chrono::seconds::max(); }), std::invalid_argument);
  CHECK_THROWS_AS(with([](RedisOptions& o) { o.expiry = std::chrono::seconds(10'000'000'000); }),
                  std::invalid_argument);
}
