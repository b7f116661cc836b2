// SPDX-License-Identifier: MIT
// Failures of subscribers, posts and allocations: which members they affect.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "sluice/core/log.hpp"
#include "sluice/layer/distributed_channel_layer.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/loopback_bus.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"
#include "support/failing_allocations.hpp"
#include "support/silence.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

// A subscriber that notes "group:payload", or the type of an event, and throws when told.
class Listener final : public Subscriber {
 public:
  Listener(ChannelLayer& layer, ManualExecutor& executor, UserId user = {})
      : layer_(layer), executor_(executor), user_(std::move(user)) {}
  ~Listener() {
    const Unfailing notes;
    executor_.run([this] { channel_ = {}; });
  }
  Listener(const Listener&) = delete;

  bool open() {
    auto opened = executor_.run([this] { return layer_.open_channel(*this); });
    if (!opened) return false;
    channel_ = std::move(*opened);
    return true;
  }
  bool join(std::string_view group) {
    return executor_.run([&] { return layer_.group_add(group, channel_); }).has_value();
  }
  void leave(std::string_view group) {
    (void)executor_.run([&] { return layer_.group_discard(group, channel_); });
  }

  void deliver(const Event& event) override {
    throw_if_told();
    const Unfailing notes;
    heard.emplace_back(event.type());
  }
  void deliver(const DeliveryRun& run) override {
    throw_if_told();
    const Unfailing notes;
    FrameReader messages(run.joined.wire());
    while (auto message = messages.next()) heard.push_back(std::string(run.group) + ":" + std::string(message.payload));
  }
  void missed() noexcept override { ++misses; }
  Identity identity() const noexcept override { return {{}, user_}; }
  Executor& executor() const noexcept override { return executor_; }
  const Channel& channel() const { return channel_; }

  bool throws = false;
  std::vector<std::string> heard;
  int misses = 0;

 private:
  void throw_if_told() {
    if (std::exchange(throws, false)) throw std::runtime_error("subscriber");
  }

  ChannelLayer& layer_;
  ManualExecutor& executor_;
  const UserId user_;
  Channel channel_;
};

Event broadcast(std::string payload) { return Event::broadcast_to_group(json::Text(std::move(payload))); }

// Subscribers on two executors, where one operation fails. Each member must have received every event that was sent
// without an exception, or a notice of a missed event; and no one receives another's events.
class Story {
 public:
  Story() : executors(2), layer(executors) {}

  void tell(const std::function<void(const std::function<void()>&)>& step) {
    for (std::size_t i = 0; i < 4; ++i) {
      listeners.push_back(std::make_unique<Listener>(layer, executors.at(i % 2), UserId(static_cast<int>(i / 2))));
    }
    members["secret"];
    members["public"];
    for (const auto& listener : listeners) {
      step([&] {
        if (!listener->open()) return;
        const Unfailing notes;
        open.insert(listener.get());
      });
    }
    join(step, 0, "secret");
    for (std::size_t i = 1; i < 4; ++i) join(step, i, "public");
    join(step, 1, "secret");
    for (int i = 0; i < 4; ++i) {
      send(step, "secret", broadcast("s" + std::to_string(i)), "secret:s" + std::to_string(i));
      send(step, "public", broadcast("p" + std::to_string(i)), "public:p" + std::to_string(i));
      if (i % 2 == 1) step([&] { executors.run_all(); });
    }
    send(step, "public", Event::parse(R"({"type":"tick"})").value(), "tick");
    send(step, "public", Event::parse(R"({"type":"broadcast_to_group","payload":9})").value(), "public:9");
    step([&] { executors.run_all(); });
    step([&] {
      const auto size = executors.at(0).run([&] { return layer.group_size("public"); });
      const Unfailing notes;
      CHECK(size.value_or(0) <= 3);
    });
    if (open.contains(listeners[1].get())) step([&] { listeners[1]->leave("public"); });
    executors.run_all();
    post_failed = !executors.post_to_fail();
    executors.fail_post(0);
    check();
    check_that_all_is_well();
    listeners.clear();
    executors.run_all();
    const LayerStats stats = layer.stats();
    CHECK(stats.channels == 0);
    CHECK(stats.groups == 0);
    CHECK(stats.waiting_events == 0);
    CHECK(stats.waiting_bytes == 0);
  }

 private:
  using Step = std::function<void(const std::function<void()>&)>;

  void join(const Step& step, std::size_t which, const std::string& group) {
    Listener* const listener = listeners[which].get();
    if (!open.contains(listener)) return;
    step([&] {
      if (!listener->join(group)) return;
      const Unfailing notes;
      members[group].insert(listener);
    });
  }
  void send(const Step& step, const std::string& group, const Event& event, const std::string& note) {
    step([&] {
      if (!layer.group_send(group, event)) return;
      const Unfailing notes;
      for (Listener* member : members[group]) expected[member].push_back(note);
    });
  }
  void check() {
    for (const auto& listener : listeners) {
      const auto& due = expected[listener.get()];
      std::size_t arrived = 0;
      for (const std::string& note : due)
        arrived += static_cast<std::size_t>(std::ranges::count(listener->heard, note));
      CHECK((arrived == due.size() || listener->misses > 0));
      for (const std::string& note : listener->heard) {
        const bool for_it = note == "tick" || members[note.substr(0, note.find(':'))].contains(listener.get());
        CHECK(for_it);
      }
      listener->heard.clear();
      listener->misses = 0;
    }
  }
  // The next round finds no trace of what failed.
  void check_that_all_is_well() {
    REQUIRE(layer.group_send("secret", broadcast("after")));
    REQUIRE(layer.group_send("public", broadcast("after")));
    for (Listener* listener : open) REQUIRE(layer.send(listener->channel().name(), Event::named("direct")));
    executors.run_all();
    members["public"].erase(listeners[1].get());
    for (const auto& listener : listeners) {
      std::multiset<std::string> due;
      for (const char* group : {"secret", "public"}) {
        if (members[group].contains(listener.get())) due.insert(std::string(group) + ":after");
      }
      if (open.contains(listener.get())) due.insert("direct");
      // A leave that failed is none.
      std::multiset<std::string> heard(listener->heard.begin(), listener->heard.end());
      if (listener == listeners[1] && heard.contains("public:after")) due.insert("public:after");
      CHECK(heard == due);
      CHECK(listener->misses == 0);
    }
  }

 public:
  ManualExecutors executors;
  InMemoryChannelLayer layer;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::set<Listener*> open;
  std::map<std::string, std::set<Listener*>> members;
  std::map<Listener*, std::vector<std::string>> expected;
  bool post_failed = false;
};

}  // namespace

TEST_CASE("whichever allocation of a layer fails, only its own recipients miss an event", "[layer]") {
  const test::Silence silence;
  std::size_t nth = 0;
  for (bool failed = true; failed;) {
    CAPTURE(++nth);
    REQUIRE(nth < 2000);
    failed = false;
    Story story;
    std::size_t left = nth;
    story.tell([&](const std::function<void()>& work) {
      if (left == 0) return work();
      FailingAllocation failing(left);
      try {
        work();
      } catch (const std::bad_alloc&) {}
      left = fail_in;
      failed = failed || left == 0;
    });
  }
  CHECK(nth > 50);
}

TEST_CASE("whichever post to an executor fails, only its own recipients miss an event", "[layer]") {
  const test::Silence silence;
  std::size_t nth = 0;
  for (bool failed = true; failed;) {
    CAPTURE(++nth);
    REQUIRE(nth < 200);
    Story story;
    story.executors.fail_post(nth);
    story.tell([&](const std::function<void()>& work) {
      try {
        work();
      } catch (const std::bad_alloc&) {}
    });
    failed = story.post_failed;
  }
  CHECK(nth > 5);
}

TEST_CASE("a subscriber that throws misses its event, and no other does", "[layer]") {
  const test::Silence silence;
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  Listener ann(layer, executor), bob(layer, executor);
  REQUIRE((ann.open() && bob.open() && ann.join("secret") && bob.join("public") && bob.join("secret")));
  ann.throws = true;
  SECTION("at broadcasts") {
    REQUIRE(layer.group_send("secret", broadcast("1")));
    REQUIRE(layer.group_send("secret", broadcast("2")));
    executor.run_all();
    CHECK(bob.heard == std::vector<std::string>{"secret:1", "secret:2"});
  }
  SECTION("at an event") {
    REQUIRE(layer.group_send("secret", Event::named("tick")));
    executor.run_all();
    CHECK(bob.heard == std::vector<std::string>{"tick"});
  }
  SECTION("at what is sent to it alone") {
    REQUIRE(layer.send(ann.channel().name(), Event::named("tick")));
    executor.run_all();
    CHECK(bob.heard.empty());
  }
  CHECK(ann.heard.empty());
  CHECK(ann.misses == 1);
  CHECK(layer.stats().failed_deliveries == 1);
  bob.heard.clear();
  REQUIRE(layer.group_send("public", broadcast("3")));
  REQUIRE(layer.group_send("secret", broadcast("4")));
  executor.run_all();
  CHECK(bob.heard == std::vector<std::string>{"public:3", "secret:4"});
  CHECK(ann.heard == std::vector<std::string>{"secret:4"});
}

TEST_CASE("whichever allocation of a layer with a bus fails, later events arrive", "[layer]") {
  const test::Silence silence;
  std::size_t nth = 0;
  for (bool failed = true; failed;) {
    CAPTURE(++nth);
    REQUIRE(nth < 2000);
    ManualExecutor executor;
    LoopbackBroker broker;
    DistributedChannelLayer here(executor, broker.bus(executor)), there(executor, broker.bus(executor));
    executor.run_all();
    Listener ann(here, executor), bob(there, executor);
    REQUIRE((ann.open() && bob.open() && ann.join("g") && bob.join("g")));
    failed = false;
    std::size_t left = nth, accepted = 0;
    const auto step = [&](const std::function<void()>& work) {
      if (left == 0) return work();
      FailingAllocation failing(left);
      try {
        work();
      } catch (const std::bad_alloc&) {}
      left = fail_in;
      failed = failed || left == 0;
    };
    const Event event = Event::named("tick");
    const auto send = [&] {
      if (here.group_send("g", event)) ++accepted;
    };
    for (int i = 0; i < 2; ++i) {
      step(send);
      step([&] { executor.run_all(); });
    }
    executor.advance(std::chrono::seconds(10));
    for (Listener* listener : {&ann, &bob}) {
      const auto ticks = static_cast<std::size_t>(std::ranges::count(listener->heard, "tick"));
      const bool told = here.bus_stats().undelivered > 0 || std::ranges::count(listener->heard, "layer_down") > 0 ||
                        listener->misses > 0;
      CHECK((ticks == accepted || (ticks < accepted && told)));
    }
    step([&] { broker.cut(); });
    step([&] { executor.run_all(); });
    step([&] { broker.mend(); });
    step([&] { executor.run_all(); });
    broker.mend();
    executor.advance(std::chrono::seconds(10));
    ann.heard.clear();
    bob.heard.clear();
    REQUIRE(here.group_send("g", event));
    executor.advance(std::chrono::seconds(10));
    CHECK(ann.heard == std::vector<std::string>{"tick"});
    CHECK(bob.heard == std::vector<std::string>{"tick"});
    CHECK(here.stats().waiting_events == 0);
    CHECK(here.stats().waiting_bytes == 0);
  }
  CHECK(nth > 20);
}
