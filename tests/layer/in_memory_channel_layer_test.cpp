// SPDX-License-Identifier: MIT
#include "sluice/layer/in_memory_channel_layer.hpp"

#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <thread>
#include <tuple>

#include "layer/support/on_loopback.hpp"
#include "sluice/testing/manual_executor.hpp"

namespace sluice::SLUICE_ABI::testing {

template <std::size_t count>
struct InMemory {
  explicit InMemory(const ChannelLayerOptions& options) : executors(count), layer(executors, options) {}
  void settle() { executors.run_all(); }
  std::optional<Event> take(Inbox& inbox) { return inbox.poll(); }

  static constexpr std::size_t processes = 1;
  static constexpr std::chrono::hours group_expiry{24};
  static constexpr bool shared = false, keeps = true, names_processes = true;
  ManualExecutors executors;
  InMemoryChannelLayer layer;
};

// Executors whose jobs come in an order of their own.
struct InMemoryShuffled : InMemory<3> {
  explicit InMemoryShuffled(const ChannelLayerOptions& options) : InMemory<3>(options) { executors.shuffle(7); }
};

using Worlds = std::tuple<InMemory<1>, InMemory<2>, InMemoryShuffled, OnLoopback<1>, OnLoopback<2>>;

}  // namespace sluice::SLUICE_ABI::testing

#include "conformance/channel_layer_suite.hpp"
#include "support/scale.hpp"

using namespace sluice;
using namespace sluice::testing;
using Scene2 = sluice::testing::Scene<InMemory<2>>;

TEST_CASE("a million channels of one process have a million names", "[layer][CL-11]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  std::string before;
  for (int i = 0; i < test::scaled(1'000'000); ++i) {  // the names are counted up, so that a larger one is a new one
    Ear ear(layer, executor);
    std::string name = ear.channel().name();
    if (name <= before) FAIL("not above the one before: " << name);
    before = std::move(name);
  }
}

TEST_CASE("a plain channel has one timer, however often it is filled and emptied", "[layer][CL-15]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  {
    Inbox inbox = *executor.run([&] { return layer.open_inbox("jobs"); });
    for (int i = 0; i < 1000; ++i) {
      REQUIRE(layer.send("jobs", Event::named("job")));
      REQUIRE(inbox.poll());
    }
    executor.advance(std::chrono::milliseconds(1));
    CHECK(executor.timers() == 1);
  }
  REQUIRE(layer.send("jobs", Event::named("job")));
  executor.advance(std::chrono::minutes(3));
  CHECK(executor.timers() == 0);
  CHECK(layer.stats().plain_channels == 0);
  CHECK(layer.stats().dropped_expired == 1);
}

TEST_CASE("broadcasts that wait together are one visit at each member", "[layer]") {
  Scene2 scene;
  Ear& ann = scene.ear_in("g");
  Ear& bob = scene.ear_in("g");
  Ear& cyd = scene.ear_in("h");
  for (int i = 0; i < 256; ++i) REQUIRE(scene.layer.group_send("g", broadcast(std::to_string(i))));
  REQUIRE(scene.layer.group_send("h", broadcast("h")));
  REQUIRE(scene.layer.group_send("g", broadcast("last")));
  scene.settle();
  CHECK(ann.visits() == 2);
  CHECK(bob.visits() == 1);  // its executor has no member of "h"
  CHECK(cyd.visits() == 1);
  CHECK(ann.heard().ends_with("254 255 last"));
}

TEST_CASE("a run of large broadcasts is cut where its memory is", "[layer]") {
  Scene2 scene;
  Ear& ear = scene.ear_in("g");
  std::string expected;
  for (int i = 0; i < 40; ++i) {
    const std::string payload(i % 10 == 9 ? 100'000 : 5'000, static_cast<char>('a' + i % 26));
    REQUIRE(scene.layer.group_send("g", broadcast(payload)));
    expected += (i ? " " : "") + payload;
  }
  scene.settle();
  CHECK(ear.heard() == expected);
}

TEST_CASE("a subscriber must live on one of the layer's executors", "[layer]") {
  ManualExecutor executor, stranger;
  InMemoryChannelLayer layer(executor);
  CHECK_THROWS_WITH(Ear(layer, stranger), Catch::Matchers::ContainsSubstring("invalid_argument"));
}

TEST_CASE("options that could not work are refused", "[layer]") {
  ManualExecutor executor;
  CHECK_THROWS_AS(InMemoryChannelLayer(executor, {.expiry = std::chrono::milliseconds(999)}), std::invalid_argument);
  CHECK_THROWS_AS(InMemoryChannelLayer(executor, {.expiry = std::chrono::milliseconds::max()}), std::invalid_argument);
  CHECK_THROWS_AS(ChannelCapacity::regex("(", 1), std::invalid_argument);
}

TEST_CASE("options at the ends of their ranges work, or are refused at the start", "[layer]") {
  using namespace std::chrono_literals;
  using Catch::Matchers::ContainsSubstring;
  ManualExecutor executor;
  const Event event = Event::named("x");
  const auto refusal_of = [&](const ChannelLayerOptions& options) -> std::string {
    try {
      const InMemoryChannelLayer made(executor, options);
      return "none";
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
  };
  for (const auto expiry : {0ms, -1ms, 999ms, std::chrono::milliseconds::min()}) {
    CHECK_THAT(refusal_of({.expiry = expiry}), ContainsSubstring("below one second"));
  }
  CHECK_THAT(refusal_of({.expiry = std::chrono::milliseconds::max()}), ContainsSubstring("above 100 years"));
  CHECK_THAT(refusal_of({.message_bytes = 0}), ContainsSubstring("message_bytes 0"));
  CHECK_THAT(refusal_of({.waiting_events = 0}), ContainsSubstring("waiting_events 0"));

  SECTION("the largest") {
    constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
    InMemoryChannelLayer layer(executor, {.capacity = all,
                                          .channel_capacity = {ChannelCapacity::glob("jobs*", all)},
                                          .expiry = std::chrono::years(100),
                                          .message_bytes = all,
                                          .waiting_events = all,
                                          .waiting_bytes = all});
    Ear ear(layer, executor);
    REQUIRE(ear.join("g"));
    for (int i = 0; i < 1000; ++i) {
      REQUIRE(layer.group_send("g", event));
      REQUIRE(layer.send("jobs", event));
      REQUIRE(layer.send("others", event));
    }
    executor.run_all();
    CHECK(layer.stats().deliveries == 3000);
    executor.advance(std::chrono::years(99));
    CHECK(layer.stats().dropped_expired == 0);
    executor.advance(std::chrono::years(2));
    CHECK(layer.stats().dropped_expired == 2000);
  }
  SECTION("the smallest") {
    InMemoryChannelLayer layer(
        executor, {.capacity = 0, .expiry = 1s, .message_bytes = 1, .waiting_events = 1, .waiting_bytes = 0});
    CHECK(layer.send("jobs", event).error().code() == ErrorCode::limit_exceeded);
    InMemoryChannelLayer narrow(executor, {.waiting_events = 1, .waiting_bytes = 0});
    Ear ear(narrow, executor);
    REQUIRE(ear.join("g"));
    REQUIRE(narrow.group_send("g", event));
    CHECK(narrow.group_send("g", event).error().code() == ErrorCode::no_room);
    executor.run_all();
    REQUIRE(narrow.group_send("g", event));
    executor.run_all();
    CHECK(narrow.stats().deliveries == 2);
  }
}

TEST_CASE("a plain channel of capacity 0 is removed at once", "[layer][CL-17]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor, {.capacity = 0});
  CHECK(layer.send("jobs", Event::named("x")).error().code() == ErrorCode::channel_full);
  CHECK(layer.stats().plain_channels == 0);
}

TEST_CASE("an invalid name is quoted in the error, on one line", "[layer]") {
  Scene2 scene;
  CHECK(scene.layer.group_send("room\n7", Event::named("x")).error().message() ==
        R"(invalid_name: group_send "room\n7": a group's name is 1 to 99 characters of A-Z a-z 0-9 _ . -)");
  CHECK_THAT(scene.layer.send("a\nb", Event::named("x")).error().message(),
             Catch::Matchers::StartsWith(R"(invalid_name: send "a\nb": a channel's name is)"));
}

TEST_CASE("channel names of other processes reach no one", "[layer]") {
  Scene2 scene;
  Ear& ear = scene.ear();
  const std::string name = ear.channel().name();
  const std::string shared(non_local_name(name));
  for (const std::string& wrong :
       {std::string("specific.other!0000000000001"), shared, shared + "zz", shared + "ff", shared + "ff0000000001",
        shared + "00ffffffffffffffff", shared + "000", shared + "000000000000000", name + "0"}) {
    CAPTURE(wrong);
    REQUIRE(scene.layer.send(wrong, numbered(1)));
  }
  scene.settle();
  CHECK(ear.heard() == "");
  CHECK(scene.layer.stats().dropped_no_channel == 9);
}

TEST_CASE("a channel does not receive events for an earlier one in the same slot", "[layer]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  std::set<std::string> names;
  std::string gone;
  for (int i = 0; i < 5; ++i) {
    Ear ear(layer, executor);
    CHECK(names.insert(ear.channel().name()).second);
    if (!gone.empty()) REQUIRE(layer.send(gone, numbered(i)));
    executor.run_all();
    CHECK(ear.heard() == "");
    gone = ear.channel().name();
  }
  CHECK(layer.stats().dropped_no_channel == 4);
}

TEST_CASE("members that join and leave in any order are those that are listed", "[layer]") {
  Scene2 scene;
  std::vector<Ear*> ears;
  for (int i = 0; i < 20; ++i) ears.push_back(&scene.ear(i % 5));
  std::vector<std::set<std::size_t>> members(4);  // the model: group -> ears
  unsigned state = 1;
  const auto random = [&](unsigned below) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
  };
  for (int step = 0; step < 5'000; ++step) {
    const std::size_t ear = random(20), group = random(4);
    const std::string name = "g" + std::to_string(group);
    switch (random(5)) {
      case 0:
      case 1:
        REQUIRE(ears[ear]->join(name));
        members[group].insert(ear);
        break;
      case 2:
        REQUIRE(ears[ear]->leave(name));
        members[group].erase(ear);
        break;
      case 3:
        if (random(10) > 0) break;
        ears[ear]->close();
        ears[ear] = &scene.ear(static_cast<int>(ear % 5));
        for (auto& of_group : members) of_group.erase(ear);
        break;
      default: {
        const UserId only = static_cast<int>(random(5));
        const bool all = random(2) == 0;
        scene.publish(name, all ? broadcast("x") : Event::broadcast_to_users(quoted("x"), {only}));
        for (std::size_t i = 0; i < ears.size(); ++i) {
          const bool expected = members[group].contains(i) && (all || *only.number() == static_cast<int>(i % 5));
          REQUIRE(ears[i]->heard() == (expected ? "x" : ""));
        }
      }
    }
  }
  std::size_t groups = 0;
  for (const auto& of_group : members) groups += !of_group.empty();
  CHECK(scene.layer.stats().groups == groups);
}

TEST_CASE("channels may outlive their layer", "[layer][CL-25]") {
  ManualExecutor executor;
  auto layer = std::make_unique<InMemoryChannelLayer>(executor);
  Ear first(*layer, executor), second(*layer, executor);
  for (Ear* ear : {&first, &second}) {
    REQUIRE(ear->join("room"));
    REQUIRE(ear->join("hall"));
  }
  layer.reset();
  first.channel().leave_groups();
  CHECK(first.channel().group_count() == 0);
  CHECK(second.channel().in_group("room"));
}

TEST_CASE("a thread may wait for room", "[layer]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor, {.waiting_events = 2});
  Ear ear(layer, executor);
  REQUIRE(ear.join("g"));
  constexpr int count = 1000;
  std::thread publisher([&] {
    for (int i = 0; i < count; ++i) {
      if (!layer.group_send_blocking("g", numbered(i))) return;
    }
    (void)layer.send_blocking(ear.channel().name(), Event::named("done"));
  });
  CHECK(executor.run_until([&] { return ear.visits() == count + 1; }));
  publisher.join();
  std::string expected;
  for (int i = 0; i < count; ++i) expected += "#" + std::to_string(i) + " ";
  CHECK(ear.heard() == expected + "done");
  executor.run([&] { CHECK_THROWS_AS(layer.group_send_blocking("g", numbered(0)), std::logic_error); });
}

namespace {

Task<> note_send(Task<Result<void>> sending, std::string& seen) {
  const auto sent = co_await sending;
  seen += sent ? "sent " : std::string(to_string(sent.error().code())) + " ";
}

}  // namespace

TEST_CASE("senders that wait for room get an error when their layer ends", "[layer]") {
  ManualExecutor executor;
  auto layer = std::make_unique<InMemoryChannelLayer>(executor, ChannelLayerOptions{.waiting_events = 1});
  Ear ear(*layer, executor);
  REQUIRE(ear.join("g"));
  REQUIRE(layer->group_send("g", numbered(1)));
  std::string seen;
  std::vector<Task<>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(note_send(layer->group_send_when_room("g", numbered(i)), seen));
  executor.run([&] {
    for (auto& task : waiting) (void)task.start({[](void*) noexcept {}, nullptr});
  });
  layer.reset();
  executor.run_all();
  CHECK(seen == "layer_unavailable layer_unavailable layer_unavailable ");
  executor.run([&] { waiting.clear(); });
}

TEST_CASE("a sender that stops waiting for room gives its turn to the next", "[layer]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor, {.waiting_events = 2});
  Ear ear(layer, executor);
  REQUIRE(ear.join("g"));
  for (int i = 0; i < 2; ++i) REQUIRE(layer.group_send("g", numbered(i)));
  std::string seen;
  std::vector<std::optional<Task<>>> waiting(4);
  executor.run([&] {
    for (int i = 0; i < 4; ++i) {
      auto& task = waiting[static_cast<std::size_t>(i)];
      task = note_send(layer.group_send_when_room("g", numbered(2 + i)), seen);
      (void)task->start({[](void*) noexcept {}, nullptr});
    }
  });
  SECTION("while it waits") {
    executor.run([&] { waiting[0].reset(); });
    executor.run_all();
  }
  SECTION("when it has been woken") {
    REQUIRE(executor.run_one());  // the mail, which wakes the first
    executor.run([&] { waiting[0].reset(); });
    executor.run_all();
  }
  CHECK(seen == "sent sent sent ");
  CHECK(ear.heard() == "#0 #1 #3 #4 #5");
}
