// SPDX-License-Identifier: MIT
// A layer with a bus through outages, refusals, failures and its end.
#include <algorithm>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/layer/distributed_channel_layer.hpp"
#include "sluice/testing/loopback_bus.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace sluice::testing;
using namespace std::chrono_literals;

namespace {

// A subscriber that notes numbers, the types of other events, and the outcome of each group_add.
class Listener final : public Subscriber {
 public:
  Listener(ChannelLayer& layer, ManualExecutor& executor) : layer_(layer), executor_(executor) {
    channel_ = executor_.run([this] { return layer_.open_channel(*this); }).value();
  }
  ~Listener() {
    executor_.run([this] {
      tasks_.clear();
      channel_ = {};
    });
  }
  Listener(const Listener&) = delete;

  void begin_to_join(std::string group) {
    executor_.run([&] { (void)tasks_.emplace_back(join(std::move(group))).start({[](void*) noexcept {}, nullptr}); });
  }
  void leave(std::string_view group) {
    executor_.run([&] { (void)layer_.group_discard(group, channel_); });
  }
  const Channel& channel() const { return channel_; }
  std::string take_notes() { return std::exchange(notes_, {}); }

  void deliver(const Event& event) override {
    const auto number = event.value()["n"].as_int();
    note(number ? std::to_string(*number) : std::string(event.type()));
  }
  void deliver(const DeliveryRun&) override {}
  Identity identity() const noexcept override { return {{}, nobody_}; }
  Executor& executor() const noexcept override { return executor_; }

 private:
  Task<> join(std::string group) {
    const auto joined = co_await layer_.group_add(group, channel_);
    note(joined ? "joined" : std::string(to_string(joined.error().code())));
  }
  void note(std::string_view what) { notes_ += (notes_.empty() ? "" : " ") + std::string(what); }

  ChannelLayer& layer_;
  ManualExecutor& executor_;
  const UserId nobody_;
  Channel channel_;
  std::string notes_;
  std::list<Task<>> tasks_;
};

Event numbered(int number) { return Event::parse(R"({"type":"number","n":)" + std::to_string(number) + "}").value(); }

// Two processes on one executor.
struct World {
  explicit World(const DistributedLayerOptions& options = {})
      : here(executor, broker.bus(executor), options), there(executor, broker.bus(executor), options) {
    executor.run_all();
  }
  Listener& listener(ChannelLayer& layer) { return listeners.emplace_back(layer, executor); }
  Listener& listener_in(std::string group, ChannelLayer& layer) {
    Listener& made = listener(layer);
    made.begin_to_join(std::move(group));
    executor.run_all();
    REQUIRE(made.take_notes() == "joined");
    return made;
  }
  // Begins to close; the number of undelivered events is known later.
  void begin_to_close(DistributedChannelLayer& layer) {
    executor.run([&] { (void)closings.emplace_back(close(layer)).start({[](void*) noexcept {}, nullptr}); });
  }
  Task<> close(DistributedChannelLayer& layer) { undelivered = co_await layer.close(); }
  ~World() {
    executor.run([this] { closings.clear(); });
    listeners.clear();
  }

  test::LogCapture log;
  ManualExecutor executor;
  LoopbackBroker broker;
  DistributedChannelLayer here, there;
  std::list<Listener> listeners;
  std::list<Task<>> closings;
  std::optional<std::size_t> undelivered;
};

}  // namespace

TEST_CASE("ten thousand groups are subscribed again after an outage", "[layer]") {
  constexpr int groups = 10'000;
  World world;
  Listener& ann = world.listener(world.here);
  for (int i = 0; i < groups; ++i) ann.begin_to_join("g" + std::to_string(i));
  world.executor.run_all();
  CHECK(world.broker.subscriptions() == groups);
  ann.take_notes();

  world.broker.cut();
  world.executor.run_all();
  CHECK(ann.take_notes() == "layer_down");
  CHECK(world.broker.subscriptions() == 0);
  CHECK_FALSE(world.here.bus_stats().up);

  world.broker.mend();
  world.executor.run_all();
  CHECK(ann.take_notes() == "layer_up");
  CHECK(world.broker.subscriptions() == groups);
  CHECK(world.here.bus_stats().memberships == groups);
  for (const int group : {0, 4711, groups - 1}) {
    REQUIRE(world.there.group_send("g" + std::to_string(group), numbered(group)));
  }
  world.executor.run_all();
  CHECK(ann.take_notes() == "0 4711 9999");
}

TEST_CASE("a group that is left during an outage is not subscribed again", "[layer]") {
  World world;
  Listener& ann = world.listener_in("a", world.here);
  world.broker.cut();
  world.executor.run_all();
  ann.leave("a");
  ann.begin_to_join("b");
  ann.leave("b");
  world.executor.run_all();
  world.broker.mend();
  world.executor.run_all();
  CHECK(ann.take_notes() == "layer_down channel_closed layer_up");
  CHECK(world.broker.subscriptions() == 0);
  CHECK(world.here.bus_stats().memberships == 0);
}

TEST_CASE("events that are sent during an outage wait for its end, in order and until they expire", "[layer]") {
  World world({.layer = {.expiry = 10s}});
  // Its link comes back first, so it is subscribed again when the other one publishes.
  Listener& ann = world.listener_in("g", world.here);
  world.broker.cut();
  world.executor.run_all();
  REQUIRE(world.there.group_send("g", numbered(1)));
  world.executor.advance(6s);
  for (int i = 2; i < 5; ++i) REQUIRE(world.there.group_send("g", numbered(i)));
  world.executor.advance(6s);
  CHECK(world.there.bus_stats().expired_waiting == 1);
  CHECK(world.there.stats().waiting_events == 3);
  world.broker.mend();
  world.executor.run_all();
  CHECK(ann.take_notes() == "layer_down layer_up 2 3 4");
  CHECK(world.there.bus_stats().undelivered == 1);
  CHECK(world.there.stats().waiting_events == 0);
}

TEST_CASE("messages that a bus holds count against the room of the layer", "[layer]") {
  World world({.waiting_events = 3});
  Listener& ann = world.listener_in("g", world.there);
  world.broker.hold();
  for (int i = 0; i < 3; ++i) REQUIRE(world.here.group_send("g", numbered(i)));
  world.executor.run_all();
  CHECK(world.here.group_send("g", numbered(3)).error().code() == ErrorCode::no_room);
  CHECK(ann.take_notes().empty());
  world.broker.release();
  world.executor.run_all();
  CHECK(ann.take_notes() == "0 1 2");
  CHECK(world.here.group_send("g", numbered(3)));
  CHECK(world.here.bus_stats().refused == 1);
}

TEST_CASE("a subscription that the bus refuses fails group_add, and the next one is asked for again", "[layer]") {
  World world;
  Listener& ann = world.listener(world.here);
  Listener& bob = world.listener(world.there);
  world.broker.refuse_subscriptions();
  ann.begin_to_join("g");
  world.executor.run_all();
  CHECK(ann.take_notes() == "refused");
  world.executor.run([&] { CHECK_FALSE(ann.channel().in_group("g")); });
  ann.begin_to_join("h");
  world.executor.run_all();
  world.broker.refuse_subscriptions(false);
  ann.begin_to_join("g");
  bob.begin_to_join("g");
  world.executor.advance(6s);
  CHECK(ann.take_notes() == "refused joined");
  CHECK(world.broker.subscriptions() == 2);
  REQUIRE(world.there.group_send("g", numbered(1)));
  world.executor.run_all();
  CHECK(ann.take_notes() == "1");
  CHECK(bob.take_notes() == "joined 1");
}

TEST_CASE("a group_add that the bus does not confirm in time fails, and its member is out again", "[layer]") {
  World world({.join_time = 2s});
  Listener& ann = world.listener(world.here);
  world.broker.cut();
  world.executor.run_all();
  ann.begin_to_join("g");
  world.executor.advance(3s);
  CHECK(ann.take_notes() == "layer_down timed_out");
  world.executor.run([&] { CHECK_FALSE(ann.channel().in_group("g")); });
}

TEST_CASE("close() sends what was accepted, and ends the subscriptions", "[layer]") {
  World world;
  Listener& ann = world.listener_in("g", world.here);
  Listener& bob = world.listener_in("g", world.there);
  REQUIRE(world.here.group_send("g", numbered(1)));
  world.begin_to_close(world.here);
  world.executor.run_all();
  CHECK(world.undelivered == 0);
  CHECK(ann.take_notes() == "1");
  CHECK(bob.take_notes() == "1");
  CHECK(world.broker.subscriptions() == 1);
  CHECK(world.here.group_send("g", numbered(2)).error().code() == ErrorCode::layer_unavailable);
  ann.begin_to_join("h");
  world.executor.run_all();
  CHECK(ann.take_notes() == "channel_closed");
}

TEST_CASE("close() waits for messages that the bus holds", "[layer]") {
  World world;
  Listener& bob = world.listener_in("g", world.there);
  world.broker.hold();
  REQUIRE(world.here.group_send("g", numbered(1)));
  world.begin_to_close(world.here);
  world.executor.run_all();
  CHECK_FALSE(world.undelivered);
  world.broker.release();
  world.executor.run_all();
  CHECK(world.undelivered == 0);
  CHECK(bob.take_notes() == "1");
}

TEST_CASE("close() returns at its deadline how many events were not delivered", "[layer]") {
  World world({.close_time = 3s, .name = "Loopback"});
  const bool held = GENERATE(true, false);  // by the bus, or by the layer
  held ? world.broker.hold() : world.broker.cut();
  world.executor.run_all();
  for (int i = 0; i < 4; ++i) REQUIRE(world.here.group_send("g", numbered(i)));
  world.begin_to_close(world.here);
  world.executor.advance(2900ms);
  CHECK_FALSE(world.undelivered);
  world.executor.advance(200ms);
  CHECK(world.undelivered == 4);
  CHECK(world.log.text().find("Loopback layer: closed, and 4 events that had been accepted were not delivered") !=
        std::string::npos);
  CHECK(world.here.bus_stats().undelivered == 4);
}

TEST_CASE("a bus may call its layer until it is destroyed", "[layer]") {
  ManualExecutor executor;
  const test::LogCapture log;
  LoopbackBroker broker;
  DistributedLayerOptions options;
  options.close_time = 1s;
  auto layer = std::make_unique<DistributedChannelLayer>(executor, broker.bus(executor), options);
  executor.run_all();
  broker.hold();
  REQUIRE(layer->group_send("g", numbered(1)));
  executor.run_all();
  layer.reset();
  executor.post([&] {  // behind the layer's deadline, and before the end of the bus
    executor.post_after(1s, [&] { broker.release(); });
  });
  executor.advance(2s);
  CHECK(executor.idle());
  CHECK(log.count("not delivered") == 1);
}

TEST_CASE("a message that a bus drops without an outcome has failed", "[layer]") {
  class Forgetful final : public Bus {
   public:
    explicit Forgetful(Executor& executor) : executor_(executor) {}
    Executor& executor() const noexcept override { return executor_; }
    void start(BusEvents& events, std::string) override { events.up(0); }
    void subscribe(const BusSubscription&, Done done) override { done({}); }
    void unsubscribe(const BusSubscription&, Done done) override { done({}); }
    bool publish(std::shared_ptr<BusMessage>) override { return true; }
    void close(Function<void()> done) override { done(); }

   private:
    Executor& executor_;
  };
  ManualExecutor executor;
  DistributedChannelLayer layer(executor, std::make_unique<Forgetful>(executor));
  const auto sent = executor.run([&] { return layer.group_send_confirmed("g", numbered(1)); });
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code() == ErrorCode::layer_unavailable);
  CHECK(layer.bus_stats().undelivered == 1);
  CHECK(layer.stats().waiting_events == 0);
}

TEST_CASE("a bus whose every nth call fails loses nothing in silence", "[layer]") {
  for (std::size_t nth = 1; nth <= 6; ++nth) {
    CAPTURE(nth);
    World world;
    Listener& ann = world.listener_in("g", world.there);
    world.broker.fail_every(nth);
    constexpr int sent = 20;
    int failed = 0;
    for (int i = 0; i < sent; ++i) {
      const auto receipt = world.executor.run([&] { return world.here.group_send_confirmed("g", numbered(i)); });
      if (!receipt) ++failed;
    }
    ann.begin_to_join("h");
    world.executor.run_all();
    world.broker.fail_every(0);
    world.executor.advance(6s);
    CHECK(failed == sent / static_cast<int>(nth));
    CHECK(world.here.bus_stats().undelivered == static_cast<std::size_t>(failed));
    const std::string notes = ann.take_notes();
    CHECK(std::count(notes.begin(), notes.end(), ' ') == sent - failed);  // and how the join ended
    CHECK(world.there.stats().deliveries == static_cast<std::size_t>(sent - failed));
  }
}

TEST_CASE("whichever post to an executor fails, the layer with a bus works afterwards", "[layer]") {
  bool failed = true;
  for (std::size_t nth = 1; failed; ++nth) {
    CAPTURE(nth);
    REQUIRE(nth < 200);
    World world;
    Listener& ann = world.listener_in("g", world.here);
    Listener& bob = world.listener_in("g", world.there);
    const auto step = [&](const std::function<void()>& work) {
      try {
        work();
      } catch (const std::bad_alloc&) {}
      try {
        world.executor.run_all();
      } catch (const std::bad_alloc&) {}
    };
    world.executor.fail_post(nth);
    int accepted = 0;
    step([&] { ann.begin_to_join("h"); });
    for (int i = 0; i < 3; ++i) step([&] { accepted += world.there.group_send("g", numbered(i)).has_value(); });
    step([&] { world.broker.cut(); });
    step([&] { accepted += world.there.group_send("g", numbered(3)).has_value(); });
    step([&] { world.broker.mend(); });
    failed = !world.executor.post_to_fail();
    world.executor.fail_post(0);
    world.broker.mend();
    world.executor.advance(10s);
    // What was accepted has arrived, or its loss was reported: to the sender, by a notice, or as missed by the member.
    const std::string notes = ann.take_notes();
    std::size_t arrived = 0;
    for (const char* number : {"0", "1", "2", "3"}) arrived += notes.find(number) != std::string::npos;
    const bool reported = world.there.bus_stats().undelivered > 0 || notes.find("layer_down") != std::string::npos ||
                          world.here.stats().failed_deliveries > 0;
    CHECK((arrived == static_cast<std::size_t>(accepted) || reported));
    bob.take_notes();

    REQUIRE(world.there.group_send("g", numbered(7)));
    world.executor.advance(10s);
    CHECK(ann.take_notes() == "7");
    CHECK(bob.take_notes() == "7");
    CHECK(world.there.stats().waiting_events == 0);
    CHECK(world.there.stats().waiting_bytes == 0);
  }
}

// ---------------------------------------------------------------- several links

namespace {

// Two links, by hand: a name that begins with a letter up to 'm' belongs to the first.
class TwoLinks final : public Bus {
 public:
  explicit TwoLinks(Executor& executor, TwoLinks*& here) : executor_(executor) { here = this; }

  Executor& executor() const noexcept override { return executor_; }
  void start(BusEvents& of_layer, std::string) override { events = &of_layer; }
  void subscribe(const BusSubscription& to, Done done) override {
    calls += "+" + to.group + ' ';
    answers.push_back(std::move(done));
  }
  void unsubscribe(const BusSubscription& to, Done done) override {
    calls += "-" + to.group + ' ';
    done({});
  }
  bool publish(std::shared_ptr<BusMessage> message) override {
    if (!writable) return false;
    calls += message->name + ' ';
    return true;
  }
  void close(Function<void()> done) override { done(); }
  std::size_t links() const noexcept override { return 2; }
  std::size_t link_of(BusTarget, std::string_view name) override { return name.front() <= 'm' ? 0 : 1; }

  void answer_all() {
    for (Done& done : std::exchange(answers, {})) done({});
  }
  std::string take_calls() { return std::exchange(calls, {}); }

  BusEvents* events = nullptr;
  bool writable = true;
  std::string calls;
  std::vector<Done> answers;

 private:
  Executor& executor_;
};

struct TwoLinksWorld {
  TwoLinksWorld() : layer(executor, std::make_unique<TwoLinks>(executor, bus)), ann(layer, executor) {
    executor.run_all();
  }
  template <class F>
  void tell(F call) {
    executor.run([&] { call(*bus->events); });
    executor.run_all();
  }
  test::LogCapture log;
  ManualExecutor executor;
  TwoLinks* bus = nullptr;
  DistributedChannelLayer layer;
  Listener ann;
};

}  // namespace

TEST_CASE("a link that is down delays only its own groups", "[layer]") {
  TwoLinksWorld world;
  world.ann.begin_to_join("a");
  world.ann.begin_to_join("z");
  world.executor.run_all();
  CHECK(world.bus->take_calls().empty());
  world.tell([](BusEvents& events) { events.up(0); });
  CHECK(world.bus->take_calls() == "+a ");
  for (const char* group : {"a", "z"}) REQUIRE(world.layer.group_send(group, numbered(1)));
  world.executor.run_all();
  CHECK(world.bus->take_calls().empty());  // what belongs to the link is not subscribed yet
  world.tell([&](BusEvents&) { world.bus->answer_all(); });
  CHECK(world.bus->take_calls() == "a ");
  CHECK(world.ann.take_notes() == "joined");
  CHECK_FALSE(world.layer.bus_stats().up);

  world.tell([](BusEvents& events) { events.up(1); });
  world.tell([&](BusEvents&) { world.bus->answer_all(); });
  CHECK(world.bus->take_calls() == "+z z ");
  CHECK(world.ann.take_notes() == "joined");
  CHECK(world.layer.bus_stats().up);

  const Error lost(ErrorCode::io_failed, "cut");
  world.tell([&](BusEvents& events) { events.down(1, lost); });
  world.tell([&](BusEvents& events) { events.down(0, lost); });
  world.tell([](BusEvents& events) { events.up(0); });
  world.tell([&](BusEvents&) { world.bus->answer_all(); });
  CHECK(world.ann.take_notes() == "layer_down");
  world.tell([](BusEvents& events) { events.up(1); });
  world.tell([&](BusEvents&) { world.bus->answer_all(); });
  CHECK(world.ann.take_notes() == "layer_up");
  CHECK(world.bus->take_calls() == "+a +z ");
  CHECK(world.layer.bus_stats().downs == 1);
}

TEST_CASE("messages keep their order while the bus takes no more, and after it gave one back", "[layer]") {
  TwoLinksWorld world;
  world.tell([](BusEvents& events) { events.up(0); });
  world.tell([](BusEvents& events) { events.up(1); });
  world.bus->writable = false;
  for (const char* group : {"a", "b", "c"}) REQUIRE(world.layer.group_send(group, numbered(1)));
  world.executor.run_all();
  CHECK(world.bus->take_calls().empty());
  world.bus->writable = true;
  world.tell([](BusEvents& events) { events.writable(0); });
  CHECK(world.bus->take_calls() == "a b c ");
  CHECK(world.layer.stats().waiting_events == 0);
}

TEST_CASE("events that may have been missed are an outage that ends when none were for two seconds", "[layer]") {
  TwoLinksWorld world;
  world.tell([](BusEvents& events) { events.up(0); });
  world.tell([](BusEvents& events) { events.up(1); });
  const Error slow(ErrorCode::layer_unavailable, "slow reader");
  world.tell([&](BusEvents& events) { events.missed(slow); });
  world.executor.advance(1s);
  world.tell([&](BusEvents& events) { events.missed(slow); });
  world.executor.advance(1500ms);
  CHECK(world.ann.take_notes() == "layer_down");
  world.executor.advance(1s);
  CHECK(world.ann.take_notes() == "layer_up");
  CHECK(world.log.text() == "Distributed layer: down: slow reader\n");
}

TEST_CASE("each consumer's channel is subscribed once the bus asks for that", "[layer]") {
  TwoLinksWorld world;
  world.tell([](BusEvents& events) { events.up(0); });
  world.tell([](BusEvents& events) { events.up(1); });
  world.tell([](BusEvents& events) { events.subscribe_each_channel(); });
  CHECK(world.layer.bus_stats().memberships == 1);
  {
    Listener bob(world.layer, world.executor);
    world.executor.run_all();
    CHECK(world.layer.bus_stats().memberships == 2);
  }
  world.tell([&](BusEvents&) { world.bus->answer_all(); });
  CHECK(world.layer.bus_stats().memberships == 1);
}
