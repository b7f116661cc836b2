// SPDX-License-Identifier: MIT
// What a channel layer reports to its observers: events on their way, and the bus.
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sluice/layer/distributed_channel_layer.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/layer/layer_observer.hpp"
#include "sluice/observe/health.hpp"
#include "sluice/testing/loopback_bus.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace sluice::testing;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

class Lines final : public LayerObserver {
 public:
  void published(const PublishedEvent& event) override {
    text += fmt::format("published {} to {} {}\n", event.type, event.to_group ? "group" : "channel", event.to);
  }
  void delivered(const DeliveredEvents& events) override {
    text += fmt::format("delivered {} {} to {}: {} in {} ms\n", events.events, events.type, events.to,
                        events.deliveries, events.duration / 1ms);
  }
  void written(std::chrono::nanoseconds after) override { text += fmt::format("written in {} ms\n", after / 1ms); }
  void dropped(LayerDrop cause, std::string_view to, std::uint64_t events) override {
    text += fmt::format("dropped {} for {}: {}\n", events, to, to_string(cause));
  }
  void up() override { text += "up\n"; }
  void down(std::string_view reason) override { text += fmt::format("down: {}\n", reason); }

  std::string take() { return std::exchange(text, {}); }
  std::string text;
};

class Throws final : public LayerObserver {
 public:
  void published(const PublishedEvent&) override { throw std::runtime_error("no tracing today"); }
  void delivered(const DeliveredEvents&) override { throw 1; }
  void written(std::chrono::nanoseconds) override { throw 1; }
};

class Member final : public Subscriber {
 public:
  Member(ChannelLayer& layer, ManualExecutor& executor, std::string_view group) : executor_(executor) {
    channel_ = executor.run([&] { return layer.open_channel(*this); }).value();
    REQUIRE(executor.run([&] { return layer.group_add(group, channel_); }));
  }
  ~Member() {
    executor_.run([this] { channel_ = {}; });
  }
  std::string name() const { return channel_.name(); }
  void deliver(const Event&) override { ++events; }
  void deliver(const DeliveryRun& run) override { events += run.deliveries.size(); }
  Identity identity() const noexcept override { return {{}, nobody_}; }
  Executor& executor() const noexcept override { return executor_; }

  std::size_t events = 0;

 private:
  ManualExecutor& executor_;
  const UserId nobody_;
  Channel channel_;
};

Event broadcast() { return Event::broadcast_to_group(json::Text("1")); }

}  // namespace

TEST_CASE("observers see an event published, delivered and written", "[layer]") {
  const auto lines = std::make_shared<Lines>();
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor, {.observers = {lines}});
  Member ann(layer, executor, "room"), bob(layer, executor, "room");
  REQUIRE(layer.group_send("room", broadcast()));
  REQUIRE(layer.group_send("room", broadcast()));
  executor.advance(0ms);
  executor.run_all();
  CHECK(lines->take() ==
        "published broadcast_to_group to group room\n"
        "published broadcast_to_group to group room\n"
        "delivered 2 broadcast_to_group to room: 4 in 0 ms\n"
        "written in 0 ms\nwritten in 0 ms\n");
  REQUIRE(layer.send(ann.name(), Event::named("hello")));
  REQUIRE(layer.group_send("nobody", Event::named("hello")));
  executor.run_all();
  CHECK(lines->take() == fmt::format("published hello to channel {}\n"
                                     "published hello to group nobody\n"
                                     "delivered 1 hello to : 1 in 0 ms\n"
                                     "written in 0 ms\n",
                                     ann.name()));
}

TEST_CASE("observers see dropped events with their cause, as LayerStats counts them", "[layer]") {
  const auto lines = std::make_shared<Lines>();
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor,
                             {.capacity = 1, .message_bytes = 1'000, .waiting_events = 1, .observers = {lines}});
  CHECK_FALSE(layer.send("bad name", broadcast()));
  CHECK_FALSE(layer.group_send("room", Event::broadcast_to_group(json::Text('"' + std::string(2'000, 'x') + '"'))));
  CHECK(layer.send("jobs", Event::named("job")));
  CHECK_FALSE(layer.send("jobs", Event::named("job")));
  CHECK(layer.send("specific.other!0000", Event::named("job")));
  executor.advance(61s);
  CHECK(lines->take() ==
        "dropped 1 for bad name: invalid_name\n"
        "dropped 1 for room: too_large\n"
        "published job to channel jobs\n"
        "dropped 1 for jobs: full\n"
        "dropped 1 for specific.other!0000: no_channel\n"
        "dropped 1 for jobs: expired\n");
  Member ann(layer, executor, "room");
  CHECK(layer.group_send("room", broadcast()));
  CHECK_FALSE(layer.group_send("room", broadcast()));
  CHECK_THAT(lines->take(), ContainsSubstring("dropped 1 for room: no_room\n"));
  const LayerStats stats = layer.stats();
  CHECK(stats.dropped_invalid_name + stats.dropped_too_large + stats.dropped_full + stats.dropped_no_channel +
            stats.dropped_expired + stats.dropped_no_room ==
        6);
}

TEST_CASE("observers see the bus go down with its reason, and up again", "[layer]") {
  const test::LogCapture quiet;
  const auto lines = std::make_shared<Lines>();
  ManualExecutor executor;
  LoopbackBroker broker;
  DistributedChannelLayer layer(executor, broker.bus(executor), {.layer = {.observers = {lines}}});
  executor.run_all();
  CHECK(lines->take() == "up\n");
  Member ann(layer, executor, "room");
  REQUIRE(layer.group_send("room", broadcast()));
  executor.run_all();
  CHECK(lines->take() ==
        "published broadcast_to_group to group room\n"
        "delivered 1 broadcast_to_group to room: 1 in 0 ms\n"
        "written in 0 ms\n");
  broker.cut();
  executor.run_all();
  CHECK_THAT(lines->take(), ContainsSubstring("down: "));
  broker.mend();
  executor.advance(1s);
  CHECK_THAT(lines->take(), ContainsSubstring("up\n"));
}

TEST_CASE("an event that the bus did not take is reported as undelivered", "[layer]") {
  const test::LogCapture quiet;
  const auto lines = std::make_shared<Lines>();
  ManualExecutor executor;
  LoopbackBroker broker;
  broker.cut();
  DistributedChannelLayer layer(executor, broker.bus(executor), {.layer = {.observers = {lines}}});
  REQUIRE(layer.group_send("room", broadcast()));
  executor.advance(61s);
  CHECK(lines->take() == "published broadcast_to_group to group room\ndropped 1 for room: undelivered\n");
  CHECK(layer.bus_stats().undelivered == 1);
}

TEST_CASE("an exception of a layer's observer is logged, and events still arrive", "[layer]") {
  const test::LogCapture log(LogLevel::error);
  const auto lines = std::make_shared<Lines>();
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor, {.observers = {std::make_shared<Throws>(), lines}});
  Member ann(layer, executor, "room");
  REQUIRE(layer.group_send("room", broadcast()));
  executor.run_all();
  CHECK(ann.events == 1);
  CHECK_THAT(lines->take(), ContainsSubstring("delivered 1") && ContainsSubstring("written"));
  CHECK_THAT(log.text(), ContainsSubstring("an observer threw: no tracing today"));
}

TEST_CASE("without memory for a report the events arrive all the same", "[layer]") {
  const test::LogCapture log(LogLevel::error);
  const auto lines = std::make_shared<Lines>();
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor, {.observers = {lines}});
  Member ann(layer, executor, "room");
  REQUIRE(layer.group_send("room", broadcast()));
  executor.fail_post(1);  // the one of the report; the event's is posted already
  executor.run_all();
  CHECK(ann.events == 1);
  CHECK_THAT(lines->take(), ContainsSubstring("delivered 1") && !ContainsSubstring("written"));
  CHECK_THAT(log.text(), ContainsSubstring("a layer's observers miss a report"));
  REQUIRE(layer.group_send("room", broadcast()));
  executor.run_all();
  CHECK_THAT(lines->take(), ContainsSubstring("written in 0 ms"));
}

TEST_CASE("a layer whose bus is down says so, with the reason and since when", "[layer]") {
  const test::LogCapture quiet;
  ManualExecutor executor;
  LoopbackBroker broker;
  DistributedChannelLayer layer(executor, broker.bus(executor));
  REQUIRE(layer.problems().size() == 1);
  CHECK(layer.problems().front().detail == "Distributed layer: it has not been up yet");
  executor.run_all();
  CHECK(layer.problems().empty());
  const auto before = std::chrono::system_clock::now();
  broker.cut();
  executor.run_all();
  const std::vector<Problem> problems = layer.problems();
  REQUIRE(problems.size() == 1);
  CHECK(problems.front().part == "layer");
  CHECK(problems.front().cause == "down");
  CHECK_THAT(problems.front().detail, ContainsSubstring("Distributed layer: ") && ContainsSubstring("cut"));
  CHECK(problems.front().since >= before);
  broker.mend();
  executor.advance(1s);
  CHECK(layer.problems().empty());
  CHECK(InMemoryChannelLayer(executor).problems().empty());
}
