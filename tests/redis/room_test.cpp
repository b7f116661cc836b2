// SPDX-License-Identifier: MIT
// A publisher that is faster than Redis: refused and counted, or made to wait.
#include <list>
#include <optional>
#include <string>
#include <tuple>

#include "redis/support/live_world.hpp"
#include "redis/support/tiny_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using TinyWorlds = std::tuple<TinyWorld, TinyPubSubWorld>;
using Processes = std::tuple<CoreProcess, PubSubProcess>;

namespace {

// Sends one number after the other, and notes how it ended.
class Publisher {
 public:
  Publisher(testing::ManualExecutor& executor, ChannelLayer& layer, int count)
      : executor_(executor), task_(publish(layer, count)) {
    executor_.run([this] { (void)task_->start({[](void*) noexcept {}, nullptr}); });
  }
  ~Publisher() {
    executor_.run([this] { task_.reset(); });
  }
  std::string outcome = "waiting";

 private:
  Task<> publish(ChannelLayer& layer, int count) {
    for (int i = 0; i < count; ++i) {
      const auto sent = co_await layer.group_send_when_room("g", TinyWorld::numbered(i));
      if (!sent) {
        outcome = std::string(to_string(sent.error().code()));
        co_return;
      }
    }
    outcome = "sent all";
  }
  testing::ManualExecutor& executor_;
  std::optional<Task<>> task_;
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("a publisher that waits for room sends more than may wait, and nothing is lost", "[redis]",
                        TinyWorlds) {
  TestType world({.waiting_events = 10});
  Listener& ann = world.listener_in("g", world.layer());
  auto& layer = world.layer();
  world.executor.run_all();
  Publisher publisher(world.executor, layer, 500);
  world.executor.run_all();
  CHECK(publisher.outcome == "sent all");
  std::string expected;
  for (int i = 0; i < 500; ++i) expected += (i ? " " : "") + std::to_string(i);
  CHECK(ann.heard() == expected);
  CHECK(layer.redis_stats().refused == 0);
  CHECK(layer.stats().waiting_events == 0);
}

TEMPLATE_LIST_TEST_CASE("several publishers that wait for room all get it", "[redis]", TinyWorlds) {
  TestType world({.waiting_events = 3});
  auto& layer = world.layer();
  world.dialer.refuse(true);
  std::list<Publisher> publishers;
  for (int i = 0; i < 20; ++i) publishers.emplace_back(world.executor, layer, 5);
  publishers.erase(std::next(publishers.begin(), 7));  // one of them does not wait for its turn
  world.executor.run_all();
  CHECK(layer.stats().waiting_events == 3);
  CHECK(layer.group_send("g", TestType::numbered(0)).error().code() == ErrorCode::no_room);
  CHECK(layer.redis_stats().refused == 1);
  CHECK(layer.stats().dropped_no_room == 1);
  world.dialer.refuse(false);
  world.executor.advance(10s);
  for (const Publisher& publisher : publishers) CHECK(publisher.outcome == "sent all");
}

TEMPLATE_LIST_TEST_CASE("a publisher that waits for room gets an error when the layer closes", "[redis]", TinyWorlds) {
  TestType world({.close_time = 1s, .waiting_events = 3});
  auto& layer = world.layer();
  world.dialer.refuse(true);
  Publisher publisher(world.executor, layer, 5);
  world.executor.run_all();
  CHECK(publisher.outcome == "waiting");
  std::optional<Task<std::size_t>> closing;
  world.executor.run([&] {
    closing.emplace(layer.close());
    (void)closing->start({[](void*) noexcept {}, nullptr});
  });
  world.executor.run_all();
  CHECK(publisher.outcome == "layer_unavailable");
  world.executor.advance(2s);
  CHECK(layer.redis_stats().undelivered == 3);
  world.executor.run([&] { closing.reset(); });
}

TEMPLATE_LIST_TEST_CASE("a thread that waits for room sends thirty thousand events to a healthy Redis", "[redis][live]",
                        Processes) {
  RedisServer server;
  TestType process(at(server));
  REQUIRE(block_on(process.layer.wait_until_up()));
  const auto payload = json::Text(R"({"row":1})");
  int refused = 0;
  for (int i = 0; i < 30'000; ++i) {
    if (!process.layer.group_send_blocking("g", Event::broadcast_to_group(payload))) ++refused;
  }
  CHECK(refused == 0);
  CHECK(block_on(process.layer.close()) == 0);
}
