// SPDX-License-Identifier: MIT
// A process whose consumers are behind reads nothing more from Redis, and reads on when they have caught up.
#include <algorithm>
#include <future>
#include <list>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>

#include "redis/support/live_world.hpp"
#include "redis/support/tiny_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using Layers = std::tuple<RedisChannelLayer, RedisPubSubChannelLayer>;
using Processes = std::tuple<CoreProcess, PubSubProcess>;

namespace {

// Two executors of which a test runs one or the other.
struct Two final : ExecutorGroup {
  std::size_t size() const noexcept override { return 2; }
  testing::ManualExecutor& at(std::size_t index) noexcept override { return index == 0 ? bus : busy; }

  testing::ManualExecutor bus, busy;
};

// A layer with a subscriber on a blocked executor, and a layer that sends to it.
template <class Layer>
struct BusyWorld {
  explicit BusyWorld(const RedisOptions& options = usual())
      : layer(std::make_unique<Layer>(executors, dialer, options, clock())),
        sender(std::make_unique<Layer>(executors, dialer, options, clock())),
        ann(std::make_unique<Listener>(*layer, executors.busy)) {
    ann->begin_to_join("g");
    run_all();
  }
  ~BusyWorld() {
    ann.reset();
    layer.reset();
    sender.reset();
    run_all(5s);
  }

  static RedisOptions usual() {
    RedisOptions options;
    options.expiry = 1h;
    options.arrived_events = 10;
    return options;
  }
  std::function<double()> clock() {
    return [this, began = executors.bus.now()] {
      return 1'700'000'000.0 + std::chrono::duration<double>(executors.bus.now() - began).count();
    };
  }
  void send(int first, int last) {
    for (int i = first; i <= last; ++i) {
      REQUIRE(sender->group_send("g", TinyWorld::numbered(i)));
      executors.bus.advance(1ms);
    }
  }
  // Both executors, by turns.
  void run_all(std::chrono::milliseconds time = 1s) {
    for (auto passed = 0ms; passed < time; passed += 5ms) {
      executors.busy.advance(5ms);
      executors.bus.advance(5ms);
    }
    executors.busy.run_all();
  }

  Two executors;
  TinyRedis redis{executors.bus};
  testing::ScriptedDialer dialer{redis.server()};
  std::unique_ptr<Layer> layer, sender;
  std::unique_ptr<Listener> ann;
};

std::string numbers(int first, int last) {
  std::string text;
  for (int i = first; i <= last; ++i) text += (i > first ? " " : "") + std::to_string(i);
  return text;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a process whose consumers are behind stops reading, and later reads on", "[redis]", Layers) {
  BusyWorld<TestType> world;
  world.send(1, 50);
  CHECK(world.layer->stats().waiting_events == 10);
  CHECK(world.layer->redis_stats().pauses == 1);
  world.run_all();
  CHECK(world.ann->heard() == numbers(1, 50));
  CHECK(world.layer->stats().waiting_events == 0);
  CHECK(world.layer->redis_stats().downs == 0);
}

TEST_CASE("a pause after which events may be lost is a gap, and a short one is not", "[redis]") {
  BusyWorld<RedisChannelLayer> world;
  world.send(1, 60);
  world.run_all(5s);
  CHECK(world.ann->heard() == numbers(1, 60));
  world.send(1, 150);  // more than an inbox holds for Django's senders
  world.run_all(5s);
  const std::string heard = world.ann->heard();
  CHECK_THAT(heard, Catch::Matchers::ContainsSubstring("layer_down"));
  CHECK_THAT(heard, Catch::Matchers::ContainsSubstring("layer_up"));
  CHECK_THAT(heard, Catch::Matchers::ContainsSubstring("150"));
  CHECK(world.layer->redis_stats().up);
}

TEST_CASE("a pause past the capacity that channel_capacity gives a process is a gap", "[redis]") {
  RedisOptions options = BusyWorld<RedisChannelLayer>::usual();
  options.channel_capacity = {ChannelCapacity::glob("jobs*", 1), ChannelCapacity::glob("specific.*", 30)};
  BusyWorld<RedisChannelLayer> world(options);
  world.send(1, 30);  // of which 20 wait in the inbox
  world.run_all(5s);
  CHECK(world.ann->heard() == numbers(1, 30));
  world.send(1, 60);
  world.run_all(5s);
  CHECK_THAT(world.ann->heard(), Catch::Matchers::ContainsSubstring("layer_down"));
}

TEMPLATE_LIST_TEST_CASE("a pause in reading is not taken for a lost or a deaf connection", "[redis]", Layers) {
  BusyWorld<TestType> world;
  world.send(1, 20);
  for (int i = 0; i < 20; ++i) {  // with traffic of its own, of which nothing comes back
    REQUIRE(world.layer->group_send("g", TinyWorld::numbered(21 + i)));
    world.executors.bus.advance(30s);
  }
  CHECK(world.layer->redis_stats().up);
  CHECK(world.layer->redis_stats().downs == 0);
  CHECK(world.layer->redis_stats().pauses == 1);
  world.run_all(10s);
  CHECK(world.ann->heard() == numbers(1, 40));
  CHECK(world.layer->redis_stats().downs == 0);
  world.redis.lose_readers();  // and a deaf one is found again
  world.run_all(31s);
  CHECK(world.layer->redis_stats().downs == 1);
}

TEMPLATE_LIST_TEST_CASE("requests before a pause in reading are answered after it", "[redis]", Layers) {
  BusyWorld<TestType> world;
  Listener bob(*world.layer, world.executors.bus);
  world.send(1, 20);
  bob.begin_to_join("h");
  world.executors.bus.advance(4s);
  world.run_all();
  CHECK(bob.joined == "joined");
  REQUIRE(world.sender->group_send("h", TinyWorld::numbered(1)));
  world.run_all();
  CHECK(bob.heard() == "1");
}

TEMPLATE_LIST_TEST_CASE("a layer closes while its reading pauses", "[redis]", Layers) {
  BusyWorld<TestType> world;
  world.send(1, 20);
  bool closed = false;
  std::optional<Task<std::size_t>> closing;
  world.executors.bus.run([&] {
    closing.emplace(world.layer->close());
    (void)closing->start({[](void* flag) noexcept { *static_cast<bool*>(flag) = true; }, &closed});
  });
  world.executors.bus.advance(1s);
  CHECK(closed);
  world.executors.bus.run([&] { closing.reset(); });
  world.executors.bus.advance(1min);
  CHECK(world.redis.clients() == 2);  // the sender's
}

TEMPLATE_LIST_TEST_CASE("a connection that breaks while reading pauses is replaced, and nothing waits for ever",
                        "[redis]", Layers) {
  BusyWorld<TestType> world;
  world.send(1, 20);
  world.dialer.break_all();
  world.executors.bus.advance(1min);
  world.run_all(10s);
  CHECK(world.layer->redis_stats().up);
  CHECK(world.layer->redis_stats().downs == 1);
  (void)world.ann->heard();
  world.send(21, 50);
  world.run_all();
  CHECK(world.ann->heard() == numbers(21, 50));
}

// ---------------------------------------------------------------- a real server

TEMPLATE_LIST_TEST_CASE("while an executor is blocked, events for it wait in Redis", "[redis][live]", Processes) {
  constexpr int events = 2'000;
  RedisServer server;
  RedisOptions options = at(server);
  options.arrived_events = 200;
  TestType reader(options, 2), sender(at(server));
  (void)reader.guest();
  Guest& ann = reader.guest_in("g");  // on the second executor
  std::promise<void> goes_on;
  reader.executors.at(1).post([waits = goes_on.get_future().share()] { waits.wait(); });
  const auto payload = json::Text(R"({"x":")" + std::string(1000, 'x') + "\"}");
  for (int i = 0; i < events; ++i) {
    REQUIRE(sender.layer.group_send_blocking("g", Event::broadcast_to_group(payload)));
  }
  CHECK(eventually([&] { return reader.layer.redis_stats().pauses > 0; }));
  CHECK(block_on(sender.layer.close()) == 0);
  CHECK(reader.layer.stats().waiting_events <= 200 + 101);
  goes_on.set_value();
  CHECK(eventually([&] { return std::ranges::count(ann.heard(), 'x') == events * 1001; }));
  // Redis keeps all for a subscriber; of an inbox that held so much Django's senders would have left some out.
  CHECK(reader.layer.redis_stats().downs == (std::is_same_v<TestType, CoreProcess> ? 1 : 0));
}
