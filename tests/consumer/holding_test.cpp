// SPDX-License-Identifier: MIT
// The memory of busy consumers: counted, and bounded for each and for all.
#include <algorithm>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sluice/consumer/host.hpp"
#include "sluice/consumer/json_consumer.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/log.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/communicator.hpp"
#include "support/catch.hpp"
#include "support/silence.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

struct Row {
  static constexpr std::string_view event_type = "row_changed";
  std::int64_t n = 0;
  static constexpr auto fields() { return sluice::fields(sluice::field("n", &Row::n)); }
};

using Gates = std::vector<Completion<int>>;

// Waits for a gate at each message, and counts its events.
class Busy : public JsonConsumer {
 public:
  Busy(Gates* gates, std::string group, int* rows) : gates_(*gates), group_(std::move(group)), rows_(*rows) {}
  Task<> connect() override {
    const auto joined = co_await group_add(group_);
    if (joined) accept();
  }
  Task<> receive_json(const json::Value&) override {
    const Completion<int> gate = gates_.emplace_back();
    co_await gate;
  }
  Task<> row(const Row&) {
    ++rows_;
    return {};
  }
  const EventHandlers& event_handlers() const override {
    static const auto handlers = EventHandlers{}.on<Row>(&Busy::row);
    return handlers;
  }

 private:
  Gates& gates_;
  const std::string group_;
  int& rows_;
};

class House {
 public:
  explicit House(ConsumerLimits limits = {}) : options_{.limits = limits} {}
  ~House() {
    browsers_.clear();
    executor.run_all();
  }

  Communicator& browser(std::string group) {
    auto host = std::make_unique<Host>(consumer<Busy>(&gates_, std::move(group), &rows), layer, options_);
    hosts.push_back(std::move(host));
    return open(*hosts.back());
  }
  /// Of the same host.
  Communicator& open(Host& host) {
    Communicator& made = browsers_.emplace_back(executor, host, ClientRequest{});
    made.connect();
    return made;
  }
  void publish(std::string_view group, std::string payload) {
    REQUIRE(layer.group_send(group, Event::broadcast_to_group(json::Text(std::move(payload)))));
    executor.run_all();
  }
  /// Resumes all waiting handlers.
  void open_gates() {
    for (const auto& gate : std::exchange(gates_, {})) gate.resolve(1);
    executor.run_all();
  }
  std::size_t frame_bytes() { return executor.local<FrameBuffer>().allocated_bytes(); }

 private:
  const test::Silence silence_;
  const HostOptions options_;
  Gates gates_;

 public:
  int rows = 0;
  ManualExecutor executor;
  InMemoryChannelLayer layer{executor};
  std::list<std::unique_ptr<Host>> hosts;

 private:
  std::list<Communicator> browsers_;
};

std::string json_of(std::size_t bytes) {
  std::string text = "[0";
  while (text.size() < bytes) text += ",0";
  return text + "]";
}

}  // namespace

TEST_CASE("events that arrive at an idle consumer within one turn do not count against its capacity",
          "[consumer][CL-14]") {
  House house;
  Communicator& browser = house.browser("room");
  const auto publish = [&](int rows) {
    for (int i = 0; i < rows; ++i) REQUIRE(house.layer.group_send("room", Event::of(Row{i})));
    house.executor.run_all();
  };
  publish(1000);
  publish(1000);
  CHECK(house.rows == 2000);
  browser.say("1");
  publish(100);  // behind the busy one
  CHECK(browser.hear_all() == "");
  publish(1);
  CHECK(browser.hear_all() == "close 1013 too slow");
  CHECK(house.hosts.back()->stats().mailbox_overflows == 1);
  house.open_gates();
}

TEST_CASE("events that arrive at an idle consumer within one turn are bounded in bytes", "[consumer]") {
  House house({.queued_bytes = 100'000});
  Communicator& browser = house.browser("room");
  const std::string map = R"({"type":"row_changed","n":1,"text":")" + std::string(30'000, 'x') + "\"}";
  for (int i = 0; i < 4; ++i) REQUIRE(house.layer.group_send("room", Event::parse(map).value()));
  house.executor.run_all();
  CHECK(browser.hear_all() == "close 1013 too slow");
  CHECK(house.hosts.back()->stats().mailbox_overflows == 1);
}

TEST_CASE("broadcasts that wait for a busy consumer keep only their own memory alive", "[consumer]") {
  House house;
  Communicator& slow = house.browser("quiet");
  Communicator& loud = house.browser("loud");
  slow.say("1");
  for (int i = 0; i < 500; ++i) {
    house.publish("loud", '"' + std::string(60'000, 'x') + '"');
    house.publish("quiet", std::to_string(i));
    (void)loud.hear_all();
  }
  const std::size_t counted = house.hosts.front()->stats().held_bytes;
  CHECK(house.frame_bytes() < counted + 256 * 1024);  // shared, it would be 32 MB
  CHECK(counted < 500 * 300);
  house.open_gates();
  std::string expected;
  for (int i = 0; i < 500; ++i) expected += (i ? "\n" : "") + std::string("text: ") + std::to_string(i);
  CHECK(slow.hear_all() == expected);
  CHECK(house.hosts.front()->stats().held_bytes == 0);
}

TEST_CASE("small broadcasts that wait for a busy consumer count with their overhead", "[consumer]") {
  House house({.queued_bytes = 64 * 1024});
  Communicator& browser = house.browser("room");
  browser.say("1");
  int sent = 0;
  while (browser.hear_nothing() && sent < 10'000) {
    house.publish("room", "1");
    house.publish("other", "1");
    ++sent;
  }
  CHECK(sent < 300);
  CHECK(house.hosts.back()->stats().mailbox_overflows == 1);
  CHECK(browser.hear_all() == "close 1013 too slow");
  house.open_gates();
}

TEST_CASE("messages and documents of waiting handlers are bounded together, and the largest consumers are closed first",
          "[consumer]") {
  House house({.server_held_bytes = 4 * 1024 * 1024});
  Communicator& small = house.browser("room");
  Host& host = *house.hosts.back();
  small.say("[1]");
  CHECK(host.stats().held_bytes < 4096);
  Communicator& large = house.open(host);
  large.say(json_of(100'000));
  const std::uint64_t held = host.stats().held_bytes;
  CHECK(held > 1'000'000);  // the document takes ten times the text
  CHECK(held < 1'300'000);
  std::vector<Communicator*> attackers;
  for (int i = 0; i < 6; ++i) {
    attackers.push_back(&house.open(host));
    attackers.back()->say(json_of(200'000));
    CHECK(host.stats().held_bytes <= 4 * 1024 * 1024);
  }
  CHECK(std::ranges::count_if(attackers, [](auto* one) { return one->hear_all() == "close 1013 server busy"; }) == 5);
  CHECK(host.stats().shed_consumers == 5);
  CHECK(host.stats().destroyed_handlers == host.stats().shed_consumers);
  CHECK(small.hear_nothing());
  CHECK(large.hear_nothing());
  house.open_gates();
  CHECK(host.stats().held_bytes == 0);
}

namespace {

// Says that it keeps more, and then keeps more without a word.
class Forgetful : public JsonConsumer {
 public:
  Task<> connect() override {
    accept();
    return {};
  }
  Task<> receive_json(const json::Value&) override {
    kept_ += 1000;
    kept_changed();
    kept_ += 1'000'000;
    return {};
  }
  std::size_t kept_bytes() const noexcept override { return kept_; }

 private:
  std::size_t kept_ = 500;
};

}  // namespace

TEST_CASE("a consumer that miscounts its memory does not change the bound for others", "[consumer]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer{executor};
  Host host(consumer<Forgetful>(), layer, {.limits = {.server_held_bytes = 4 * 1024 * 1024}});
  const std::uint64_t without = host.stats().held_bytes;
  {
    Communicator first(executor, host, ClientRequest{}), second(executor, host, ClientRequest{});
    first.connect();
    second.connect();
    first.say("1");
    CHECK(host.stats().held_bytes == without + 1500);
    first.vanish();
    executor.run_all();
    CHECK(host.stats().held_bytes == without);
    second.say("1");
    CHECK(second.hear_nothing());
    CHECK(host.stats().shed_consumers == 0);
  }
  executor.run_all();
  CHECK(host.stats().held_bytes == without);
}
