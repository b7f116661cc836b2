// SPDX-License-Identifier: MIT
// Plain channels of the core layer: jobs, and the workers that share them.
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "redis/support/tiny_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;

namespace {

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

TEST_CASE("a process takes a job only when a receive waits for it", "[redis]") {
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

TEST_CASE("a job that was taken and can't be given back is counted", "[redis]") {
  TinyWorld world({.close_time = 100ms});
  auto& layer = world.layer();
  world.executor.run_all();
  std::optional<Worker> worker(std::in_place, world, layer, "jobs");
  CHECK_FALSE(world.executor.run([&] { return worker->inbox().poll(); }));
  REQUIRE(layer.send("jobs", TinyWorld::numbered(1)));
  world.executor.run_all();
  CHECK(world.redis.keys().empty());  // it is here
  SECTION("since Redis is away") {
    world.dialer.refuse(true);
    world.dialer.break_all();
    world.executor.run_all();
    worker.reset();
    world.executor.run_all();
    CHECK(layer.stats().dropped_no_channel == 1);
  }
  SECTION("since Redis is full") {
    world.redis.refuse("ZADD", "OOM command not allowed when used memory > 'maxmemory'.");
    worker.reset();
    world.executor.run_all();
    CHECK(layer.redis_stats().rejected == 1);
  }
}

TEST_CASE("a user that may not unblock reads a channel that is opened later within a second", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  world.redis.refuse("CLIENT", "NOPERM this user has no permissions to run the 'client|unblock' command");
  world.executor.run_all();
  std::list<Worker> workers;
  const auto open = [&](const std::string& name) -> Worker& {
    workers.emplace_back(world, layer, name).work(1);
    REQUIRE(layer.send(name, TinyWorld::numbered(1)));
    return workers.back();
  };
  Worker idle(world, layer, "idle");
  idle.work(1);
  world.executor.advance(100ms);
  (void)open("a");
  world.executor.advance(5s);  // what is asked for already waits for so long
  CHECK(workers.back().seen.size() == 1);
  world.executor.advance(100ms);
  (void)open("b");
  world.executor.advance(1100ms);
  CHECK(workers.back().seen.size() == 1);
}

TEST_CASE("a worker that stops waiting leaves its job to others", "[redis][CL-8]") {
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

TEST_CASE("an expired job is not delivered", "[redis][R-27][CL-16]") {
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

TEST_CASE("workers continue after an outage", "[redis]") {
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

TEST_CASE("a job that is sent after a half-open connection was given up is delivered", "[redis]") {
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

TEST_CASE("a Redis that refuses reads is polled with back-off until it allows them", "[redis]") {
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

TEST_CASE("an inbox may be destroyed before the receive() that waits on it", "[redis]") {
  TinyWorld world;
  auto& layer = world.layer();
  std::optional<Inbox> inbox(*world.executor.run([&] { return layer.open_inbox("jobs"); }));
  std::optional<Task<Result<Event>>> waiting;
  world.executor.run([&] {
    waiting.emplace(inbox->receive());
    (void)waiting->start({[](void*) noexcept {}, nullptr});
  });
  inbox.reset();
  world.executor.run_all();
  REQUIRE(layer.send("jobs", TinyWorld::numbered(1)));
  world.executor.run_all();
  world.executor.run([&] { waiting.reset(); });
  CHECK(world.redis.members("asgijobs").size() == 1);
}
