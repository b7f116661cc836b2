// SPDX-License-Identifier: MIT
// The end of a Redis layer: what was accepted is delivered, or counted.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <tuple>

#include "redis/support/live_world.hpp"
#include "redis/support/process.hpp"
#include "redis/support/tiny_world.hpp"
#include "sluice/core/log.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using TinyWorlds = std::tuple<TinyWorld, TinyPubSubWorld>;
using Processes = std::tuple<CoreProcess, PubSubProcess>;

namespace {

// Begins to close a layer; `returned` has what came of it.
class Closing {
 public:
  template <class Layer>
  Closing(testing::ManualExecutor& executor, Layer& layer) : executor_(executor), task_(keep(layer.close())) {
    executor_.run([this] { (void)task_.start({[](void*) noexcept {}, nullptr}); });
  }
  std::optional<std::size_t> returned;

 private:
  Task<> keep(Task<std::size_t> task) { returned = co_await task; }
  testing::ManualExecutor& executor_;
  Task<> task_;
};

// Streams as the dialer behind makes them, counted while they live.
class CountingDialer final : public Dialer {
 public:
  explicit CountingDialer(Dialer& behind) : behind_(behind) {}
  std::unique_ptr<ByteStream> dial(const Endpoint& to, Executor& executor, StreamEvents& events) override {
    return std::make_unique<Counted>(behind_.dial(to, executor, events), open);
  }
  std::shared_ptr<std::atomic<int>> open = std::make_shared<std::atomic<int>>(0);

 private:
  class Counted final : public ByteStream {
   public:
    Counted(std::unique_ptr<ByteStream> stream, std::shared_ptr<std::atomic<int>> open)
        : stream_(std::move(stream)), open_(std::move(open)) {
      ++*open_;
    }
    ~Counted() override { --*open_; }
    void write(std::string bytes) override { stream_->write(std::move(bytes)); }
    std::size_t unwritten() const noexcept override { return stream_->unwritten(); }

   private:
    std::unique_ptr<ByteStream> stream_;
    std::shared_ptr<std::atomic<int>> open_;
  };
  Dialer& behind_;
};

std::string numbers(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += (i ? " " : "") + std::to_string(i);
  return text;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("close delivers what was accepted, also when the layer was never up", "[redis]", TinyWorlds) {
  TestType world;
  Listener& ann = world.listener_in("g", world.layer());
  auto& job = world.layer();
  for (int i = 0; i < 6; ++i) REQUIRE(job.group_send("g", TestType::numbered(i)));
  CHECK_FALSE(job.redis_stats().up);
  CHECK(world.executor.run([&] { return job.close(); }) == 0);
  world.executor.run_all();
  CHECK(ann.heard() == numbers(6));
  CHECK(job.redis_stats().undelivered == 0);
}

TEMPLATE_LIST_TEST_CASE("close delivers more than a connection is handed at once", "[redis]", TinyWorlds) {
  TestType world;
  Listener& ann = world.listener_in("g", world.layer());
  auto& job = world.layer();
  world.executor.run_all();
  for (int i = 0; i < 9000; ++i) REQUIRE(job.group_send("g", TestType::numbered(i)));
  CHECK(world.executor.run([&] { return job.close(); }) == 0);
  world.executor.run_all();
  CHECK(ann.heard() == numbers(9000));
}

TEMPLATE_LIST_TEST_CASE("close waits for a Redis that comes within close_time", "[redis]", TinyWorlds) {
  TestType world({.reconnect_max = 200ms});
  Listener& ann = world.listener_in("g", world.layer());
  world.dialer.refuse(true);
  auto& job = world.layer();
  REQUIRE(job.group_send("g", TestType::numbered(1)));
  Closing closing(world.executor, job);
  world.executor.advance(3s);
  CHECK_FALSE(closing.returned);
  world.dialer.refuse(false);
  world.executor.advance(1s);
  CHECK(closing.returned == 0);
  CHECK(ann.heard() == "1");
}

TEMPLATE_LIST_TEST_CASE("close returns, counts and logs what it could not deliver", "[redis]", TinyWorlds) {
  TestType world({.close_time = 2s});
  const test::LogCapture log;
  auto& job = world.layer();
  SECTION("Redis was never there") { world.dialer.refuse(true); }
  SECTION("Redis stands still") { world.executor.run_all(), world.dialer.hold(); }
  for (int i = 0; i < 3; ++i) REQUIRE(job.group_send("g", TestType::numbered(i)));
  Closing closing(world.executor, job), again(world.executor, job);
  world.executor.advance(1900ms);
  CHECK_FALSE(closing.returned);
  world.executor.advance(200ms);
  CHECK(closing.returned == 3);
  CHECK(again.returned == 3);
  CHECK(job.redis_stats().undelivered == 3);
  CHECK(job.redis_stats().waiting_events == 0);
  CHECK_THAT(log.text(), Catch::Matchers::ContainsSubstring("3 events that had been accepted were not delivered"));
  CHECK(world.executor.run([&] { return job.close(); }) == 3);
  world.dialer.release();
}

TEMPLATE_LIST_TEST_CASE("events that Redis refuses count as not delivered", "[redis]", TinyWorlds) {
  TestType world;
  auto& job = world.layer();
  world.executor.run_all();
  world.redis.fail_with("NOPERM this user has no permissions to run the 'eval' command");
  for (int i = 0; i < 3; ++i) REQUIRE(job.group_send("g", TestType::numbered(i)));
  CHECK(world.executor.run([&] { return job.close(); }) == 3);
}

TEST_CASE("events for a full channel count as not delivered", "[redis]") {
  TinyWorld world({.capacity = 2});
  auto& job = world.layer();
  for (int i = 0; i < 5; ++i) REQUIRE(job.send("jobs", TinyWorld::numbered(i)));
  CHECK(world.executor.run([&] { return job.close(); }) == 3);
  CHECK(job.stats().dropped_full == 3);
}

TEMPLATE_LIST_TEST_CASE("a layer that is closed accepts nothing more", "[redis]", TinyWorlds) {
  TestType world;
  auto& layer = world.layer();
  world.executor.run_all();
  world.dialer.hold();
  REQUIRE(layer.group_send("g", TestType::numbered(1)));
  Closing closing(world.executor, layer);
  CHECK(layer.group_send("g", TestType::numbered(2)).error().code() == ErrorCode::layer_unavailable);
  CHECK(layer.send("jobs", TestType::numbered(2)).error().code() == ErrorCode::layer_unavailable);
  world.dialer.release();
  world.executor.run_all();
  CHECK(closing.returned == 0);
}

TEMPLATE_LIST_TEST_CASE("events of a short-lived publisher are delivered, with close() and without", "[redis][live]",
                        Processes) {
  RedisServer server;
  TestType listening(at(server));
  Guest& ann = listening.guest_in("g");
  const bool closes = GENERATE(true, false);
  {
    TestType job(at(server));
    for (int i = 0; i < 3000; ++i) REQUIRE(job.layer.group_send("g", numbered(i)));
    if (closes) {
      CHECK(block_on(job.layer.close()) == 0);
    } else {  // as a program that returns from main()
      auto layer = std::make_unique<std::decay_t<decltype(job.layer)>>(job.executors, job.dialer, at(server));
      for (int i = 3000; i < 6000; ++i) REQUIRE(layer->group_send("g", numbered(i)));
      layer.reset();
    }
  }
  CHECK(eventually([&] { return ann.heard().ends_with(closes ? " 2999" : " 5999"); }));
}

TEMPLATE_LIST_TEST_CASE("the destructor waits for a Redis that does not answer no longer than close_time",
                        "[redis][live]", Processes) {
  RedisServer server;
  RedisOptions options = at(server);
  options.close_time = 300ms;
  AsioExecutors executors(1);
  AsioDialer dialer(executors);
  const test::LogCapture log;
  server.pause();
  {
    decltype(TestType::layer) layer(executors, dialer, options);
    REQUIRE(layer.group_send("g", numbered(1)));
  }
  server.resume();
  CHECK_THAT(log.text(), Catch::Matchers::ContainsSubstring("1 events that had been accepted were not delivered"));
}

TEST_CASE("once a layer is destroyed its dialer is not used any more", "[redis]") {
  TinyWorld world({.close_time = 10ms});
  world.dialer.refuse(true);
  REQUIRE(world.layer().group_send("g", TinyWorld::numbered(1)));
  world.executor.run_all();
  SECTION("on a thread, which waits for what is on its way") { world.layers.clear(); }
  SECTION("on an executor, behind which the layer goes on") {
    world.executor.run([&] { world.layers.clear(); });
  }
  const auto dials = world.dialer.dials();
  world.dialer.refuse(false);
  world.executor.advance(10s);
  CHECK(world.dialer.dials() == dials);
}

TEST_CASE("a layer whose plain channel was read ends without close while a job arrives", "[redis][live]") {
  RedisServer server;
  CoreProcess other(at(server));
  REQUIRE(block_on(other.layer.wait_until_up()));
  AsioExecutors executors(1);
  AsioDialer dialer(executors);
  for (int i = 0; i < 20; ++i) {
    auto layer = std::make_unique<RedisChannelLayer>(executors, dialer, at(server));
    REQUIRE(block_on(layer->wait_until_up()));
    {
      auto inbox = block_on(layer->open_inbox("jobs"));
      (void)inbox->poll();  // nothing yet: Redis is asked to wait for one
      REQUIRE(eventually([&] {
        const std::string clients = server.command({"CLIENT", "LIST"}).text;  // the inbox is waited for, and the job
        const std::size_t first = clients.find("flags=b");
        return first != clients.npos && clients.find("flags=b", first + 1) != clients.npos;
      }));
    }
    std::thread sender([&] { (void)other.layer.send("jobs", numbered(i)); });
    layer.reset();
    sender.join();
  }
  SUCCEED("no use of what is gone: the sanitizers would say so");
}

TEMPLATE_TEST_CASE("a layer whose executors end before Redis has answered leaves no connection behind", "[redis][live]",
                   RedisChannelLayer, RedisPubSubChannelLayer) {
  RedisServer server;
  std::shared_ptr<std::atomic<int>> open;
  {
    AsioExecutors executors(1);
    AsioDialer asio(executors);
    CountingDialer dialer(asio);
    open = dialer.open;
    auto layer = std::make_unique<TestType>(executors, dialer, at(server));
    REQUIRE(block_on(layer->wait_until_up()));
    REQUIRE(*open > 0);
    server.pause();
    layer.reset();
    std::promise<void> closing;  // once the layer waits for what Redis answers to its last words
    executors.at(0).post([&] { closing.set_value(); });
    closing.get_future().wait();
  }
  server.resume();
  CHECK(*open == 0);
}

TEST_CASE("the README's program that publishes and ends is received", "[redis][live]") {
  RedisServer server;
  CoreProcess listening(at(server));
  Guest& ann = listening.guest_in("table-7");
  for (int i = 0; i < 6; ++i) {
    CHECK(Process({SLUICE_README_JOB, server.url()}).wait() == 0);
    CHECK(ann.hears(R"({"type":"rows_changed"})"));
    (void)ann.take_heard();
  }
}
