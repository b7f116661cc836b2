// SPDX-License-Identifier: MIT
// What a session does for a client that does not take what it is sent.
#include <fmt/format.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/consumer/host.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/log.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/communicator.hpp"
#include "sluice/testing/scripted_channel_layer.hpp"
#include "support/catch.hpp"
#include "support/silence.hpp"

using namespace sluice;
using sluice::testing::Communicator;
using sluice::testing::ManualExecutor;

namespace {

using Gate = Completion<std::monostate>;

constexpr std::string_view static_group = "static";

// Obeys its client's messages: "+GROUP POLICY", "-GROUP", "=TEXT", "wait", "bye", "throw". Reports gaps to its client.
class Watcher : public Consumer {
 public:
  struct House {
    WhenSlow usual = WhenSlow::close;
    std::optional<Gate> gate, gap_gate;
  };
  explicit Watcher(House* house) : house_(*house) {}

  std::span<const std::string_view> groups() const override { return {&static_group, 1}; }
  WhenSlow when_slow() const override { return house_.usual; }
  Task<> receive(const Message& message) override {
    const std::string_view order = message.data();
    if (order.front() == '+') {
      static const std::map<std::string_view, WhenSlow> policies{{"close", WhenSlow::close},
                                                                 {"newest", WhenSlow::drop_newest},
                                                                 {"oldest", WhenSlow::drop_oldest},
                                                                 {"latest", WhenSlow::keep_latest}};
      const auto space = order.find(' ');
      const std::string_view group = order.substr(1, space - 1);
      auto joined = co_await group_add(group, policies.at(order.substr(space + 1)));
      if (!joined) throw std::runtime_error(joined.error().message());
    } else if (order.front() == '-') {
      auto left = co_await group_discard(order.substr(1));
      if (!left) throw std::runtime_error(left.error().message());
      send_text("left " + std::string(order.substr(1)));
    } else if (order.front() == '=') {
      send_text(order.substr(1));
    } else if (order == "wait") {
      auto gate = house_.gate.emplace();
      co_await gate;
    } else if (order == "throw") {
      throw std::runtime_error("as it was told");
    } else {
      close({1000, "bye"});
    }
  }
  Task<> on_gap(const Gap& gap) override {
    if (house_.gap_gate) {
      auto gate = *house_.gap_gate;
      co_await gate;
    }
    send_text(fmt::format("missed {}+{} of {}", gap.dropped, gap.superseded, gap.group));
  }

 private:
  House& house_;
};

// One client, whose network takes nothing while it is `slow`, and a layer to broadcast from.
class Scene {
 public:
  explicit Scene(WhenSlow usual = WhenSlow::close, ConsumerLimits limits = tight())
      : house{.usual = usual, .gate = {}, .gap_gate = {}},
        layer(executor),
        client(executor, consumer<Watcher>(&house), layer, {"/"}, HostOptions{.limits = limits}) {
    if (!client.connect()) throw std::logic_error("the handshake was refused");
    client.hear_all();
  }
  static ConsumerLimits tight() {
    ConsumerLimits limits;
    limits.queued_bytes = 20'000;
    limits.slow_bytes = 100;
    limits.backlog_bytes = 10'000;
    limits.backlog_messages = 3;
    return limits;
  }

  // From here on the network takes nothing, and a long message has filled the queue.
  void slow() {
    client.connection().stall(SIZE_MAX);
    client.say("=" + std::string(200, '.'));
    client.hear_all();
  }
  void quick() { client.connection().unstall(); }
  void tell(std::string_view group, std::string text, std::string key = {}) {
    const Payload payload(json::Text(std::move(text)), std::move(key));
    if (auto sent = layer.group_send(group, Event::broadcast_to_group(payload)); !sent) throw std::logic_error("send");
    executor.run_all();
  }
  void open(std::optional<Gate>& gate) {
    auto open = *std::exchange(gate, {});
    open.resolve({});
    executor.run_all();
  }
  // The lines that the client received, joined with "; ".
  std::string heard() {
    std::string lines = client.hear_all();
    for (std::size_t at = 0; (at = lines.find("text: ", at)) != lines.npos;) lines.erase(at, 6);
    for (std::size_t at = 0; (at = lines.find('\n', at)) != lines.npos;) lines.replace(at, 1, "; ");
    return lines;
  }
  HostStats stats() { return client.host().stats(); }

  Watcher::House house;
  ManualExecutor executor;
  InMemoryChannelLayer layer;
  Communicator client;
};

}  // namespace

TEST_CASE("a client that keeps up receives everything, whatever the policy", "[consumer]") {
  Scene scene;
  for (const char* policy : {"newest", "oldest", "latest", "close"}) {
    scene.client.say(std::string("+prices ") + policy);
    for (int i = 0; i < 100; ++i) scene.tell("prices", std::to_string(i), "euro");
    std::string all;
    for (int i = 0; i < 100; ++i) all += (i == 0 ? "" : "; ") + std::to_string(i);
    CHECK(scene.heard() == all);
  }
  CHECK(scene.stats().slow_clients == 0);
}

TEST_CASE("drop_newest: a slow client receives what fitted, then the gap, then new messages", "[consumer]") {
  Scene scene;
  scene.client.say("+prices newest");
  scene.slow();
  for (const char* price : {"1", "2", "3", "4", "5"}) scene.tell("prices", price);
  CHECK(scene.heard() == "");
  scene.quick();
  CHECK(scene.heard() == "1; 2; 3; missed 2+0 of prices");
  scene.tell("prices", "6");
  CHECK(scene.heard() == "6");
  CHECK(scene.stats().slow_clients == 1);
  CHECK(scene.stats().dropped_newest == 2);
  CHECK(scene.stats().gaps_told == 1);
}

TEST_CASE("drop_oldest: a slow client receives the gap, then the newest messages", "[consumer]") {
  Scene scene;
  scene.client.say("+prices oldest");
  scene.slow();
  for (const char* price : {"1", "2", "3", "4", "5"}) scene.tell("prices", price);
  scene.quick();
  CHECK(scene.heard() == "missed 2+0 of prices; 3; 4; 5");
  CHECK(scene.stats().dropped_oldest == 2);
}

TEST_CASE("keep_latest: a slow client receives the newest message of each key", "[consumer]") {
  Scene scene;
  scene.client.say("+prices latest");
  scene.slow();
  for (const char* price : {"1", "2", "3", "4", "5", "6"}) scene.tell("prices", price, *price % 2 ? "odd" : "even");
  scene.quick();
  CHECK(scene.heard() == "missed 0+4 of prices; 5; 6");
  CHECK(scene.stats().superseded == 4);
  CHECK(scene.stats().dropped_oldest == 0);
}

TEST_CASE("a group without a policy uses its consumer's", "[consumer]") {
  Scene scene(WhenSlow::drop_oldest);
  scene.slow();
  for (const char* price : {"1", "2", "3", "4"}) scene.tell("static", price);
  scene.quick();
  CHECK(scene.heard() == "missed 1+0 of static; 2; 3; 4");
}

TEST_CASE("groups with different policies keep one order, and messages that must be kept are kept", "[consumer]") {
  Scene scene;
  scene.client.say("+prices latest");
  scene.client.say("+robots newest");
  scene.slow();
  scene.tell("prices", "price 1", "euro");
  scene.tell("static", "news 1");
  scene.tell("robots", "robot 1");
  scene.client.say("=an answer");
  scene.tell("prices", "price 2", "euro");
  scene.tell("static", "news 2");
  scene.quick();
  CHECK(scene.heard() == "missed 0+1 of prices; news 1; robot 1; an answer; price 2; news 2");
}

TEST_CASE("a slow client whose groups must not drop is closed", "[consumer]") {
  Scene scene;
  scene.client.say("+prices close");
  scene.client.connection().stall(1'000);
  for (int i = 0; i < 20; ++i) scene.tell("prices", std::string(100, 'x'));
  CHECK(scene.heard().ends_with("close 1013 too slow"));
  CHECK(scene.stats().slow_clients == 0);
}

TEST_CASE("a message that must be kept and does not fit closes with 1013, and nothing else is sent", "[consumer]") {
  const test::Silence silence;
  Scene scene;
  scene.client.say("+prices oldest");
  scene.slow();
  for (int i = 0; i < 10; ++i) scene.tell("prices", std::string(1'000, '0'));
  for (int i = 0; i < 40; ++i) scene.client.say("=" + std::string(500, 'a'));
  CHECK(scene.heard() == "close 1013 too slow");
  CHECK(scene.client.finished());
}

TEST_CASE("messages that may be dropped never close a client, however many they are", "[consumer]") {
  Scene scene;
  for (const char* group : {"+a newest", "+b oldest", "+c latest"}) scene.client.say(group);
  scene.slow();
  for (int i = 0; i < 1'000; ++i) {
    for (const char* group : {"a", "b", "c"}) scene.tell(group, std::string(100, '0'), std::to_string(i));
  }
  scene.client.say("=still here");
  scene.quick();
  CHECK_THAT(scene.heard(), Catch::Matchers::ContainsSubstring("still here"));
  CHECK(scene.client.connection().accepted());
  CHECK_FALSE(scene.client.connection().ended());
}

TEST_CASE("nothing of a group that was left reaches the client, nor its gap", "[consumer]") {
  Scene scene;
  scene.client.say("+prices oldest");
  scene.client.say("+news close");
  scene.slow();
  for (const char* price : {"1", "2", "3", "4"}) scene.tell("prices", price);
  scene.tell("news", "not for long");
  scene.client.say("-prices");
  scene.client.say("-news");
  scene.quick();
  CHECK(scene.heard() == "left prices; left news");
  CHECK(scene.stats().dropped_at_close == 4);
  CHECK(scene.stats().gaps_told == 0);
}

TEST_CASE("broadcasts of a group that the layer has flushed are not sent either", "[consumer]") {
  Scene scene;
  scene.client.say("+prices oldest");
  scene.slow();
  scene.tell("prices", "1");
  REQUIRE(scene.executor.run([&] { return scene.layer.flush(); }));
  scene.quick();
  CHECK(scene.heard() == "");
  CHECK(scene.stats().dropped_at_close == 1);
}

TEST_CASE("a group that is left and joined again starts without a gap", "[consumer]") {
  Scene scene;
  scene.client.say("+prices oldest");
  scene.slow();
  scene.tell("prices", "before");
  scene.client.say("-prices");
  scene.client.say("+prices newest");
  for (const char* price : {"1", "2", "3", "4"}) scene.tell("prices", price);
  scene.quick();
  CHECK(scene.heard() == "left prices; 1; 2; 3; missed 1+0 of prices");
}

TEST_CASE("a new policy for a group applies from then on", "[consumer]") {
  Scene scene;
  scene.client.say("+prices newest");
  scene.client.say("+prices oldest");
  scene.slow();
  for (const char* price : {"1", "2", "3", "4"}) scene.tell("prices", price);
  scene.quick();
  CHECK(scene.heard() == "missed 1+0 of prices; 2; 3; 4");
}

namespace {
// Joins with a policy, which fails, and then without one.
class SecondTry : public Consumer {
 public:
  Task<> receive(const Message&) override {
    auto refused = co_await group_add("prices", WhenSlow::drop_newest);
    auto joined = co_await group_add("prices");
    if (refused || !joined) throw std::runtime_error("not as it was planned");
    send_text(std::string(200, '.'));
  }
};
}  // namespace

TEST_CASE("a join that fails leaves no policy behind", "[consumer]") {
  const bool at_once = GENERATE(true, false);
  ManualExecutor executor;
  InMemoryChannelLayer hub(executor);
  sluice::testing::ScriptedChannelLayer layer(hub);
  Communicator client(executor, consumer<SecondTry>(), layer, {"/"}, HostOptions{.limits = Scene::tight()});
  REQUIRE(client.connect());
  client.connection().stall(SIZE_MAX);
  if (!at_once) layer.hold();
  layer.fail(1);
  client.say("go");
  layer.release();
  executor.run_all();
  for (int i = 0; i < 5; ++i) REQUIRE(hub.group_send("prices", Event::broadcast_to_group(i)));
  executor.run_all();
  CHECK(client.hear_all().ends_with("...\ntext: 0\ntext: 1\ntext: 2\ntext: 3\ntext: 4"));
  CHECK(client.host().stats().slow_clients == 0);
}

TEST_CASE("messages that on_gap() sends stand at the gap, however long it takes", "[consumer]") {
  Scene scene;
  scene.house.gap_gate.emplace();
  scene.client.say("+prices oldest");
  scene.slow();
  for (const char* price : {"1", "2", "3", "4"}) scene.tell("prices", price);
  scene.quick();
  CHECK(scene.heard() == "");
  scene.tell("static", "news");
  scene.tell("prices", "5");
  CHECK(scene.heard() == "");
  scene.open(scene.house.gap_gate);
  CHECK(scene.heard() == "missed 1+0 of prices; 2; 3; 4; news; 5");
}

TEST_CASE("a gap that grows while it waits is reported once, at its last place", "[consumer]") {
  Scene scene;
  scene.client.say("+prices oldest");
  scene.slow();
  for (const char* price : {"1", "2", "3", "4"}) scene.tell("prices", price);
  scene.client.say("wait");
  scene.quick();
  CHECK(scene.heard() == "");
  scene.open(scene.house.gate);
  CHECK(scene.heard() == "missed 1+0 of prices; 2; 3; 4");
}

TEST_CASE("a gap of a group that was left meanwhile is not reported", "[consumer]") {
  Scene scene;
  scene.client.say("+prices oldest");
  scene.slow();
  for (const char* price : {"1", "2", "3", "4"}) scene.tell("prices", price);
  scene.tell("static", "news");
  scene.client.say("wait");
  scene.client.connection().say(Message::text("-prices"));  // read when the gap is in the mailbox already
  scene.quick();
  scene.open(scene.house.gate);
  CHECK(scene.heard() == "news; left prices");
}

TEST_CASE("waiting messages are sent before a close, in order", "[consumer][LC-13]") {
  Scene scene;
  scene.client.say("+prices oldest");
  scene.slow();
  for (const char* price : {"1", "2", "3", "4"}) scene.tell("prices", price);
  scene.client.say("=an answer");
  scene.client.say("bye");
  CHECK(scene.heard() == "2; 3; 4; an answer; close 1000 bye");
}

TEST_CASE("an exception ends a slow client too", "[consumer]") {
  const test::Silence silence;
  Scene scene;
  scene.client.say("+prices oldest");
  scene.slow();
  scene.tell("prices", "1");
  scene.client.say("throw");
  CHECK(scene.heard() == "1; close 1011 internal error");
  CHECK(scene.client.finished());
}

TEST_CASE("a slow client that vanishes leaves nothing behind", "[consumer]") {
  Scene scene;
  scene.client.say("+prices oldest");
  scene.slow();
  for (int i = 0; i < 10; ++i) scene.tell("prices", std::string(1'000, '0'));
  CHECK(scene.stats().backlog_bytes > 3'000);
  scene.client.vanish();
  CHECK(scene.client.finished());
  CHECK(scene.stats().backlog_bytes == 0);
  CHECK(scene.layer.stats().groups == 0);
  CHECK(scene.executor.local<FrameBuffer>().allocated_bytes() <= 2 * 64 * 1024);
}

TEST_CASE("a slow client that catches up little by little receives all waiting messages in order", "[consumer]") {
  ConsumerLimits limits = Scene::tight();
  limits.backlog_messages = 100;
  limits.queued_bytes = limits.backlog_bytes = 100'000;
  Scene scene(WhenSlow::drop_newest, limits);
  scene.slow();
  std::string all;
  for (int i = 10; i < 60; ++i) {
    scene.tell("static", std::to_string(i));
    all += (i == 10 ? "" : "; ") + std::to_string(i);
  }
  std::string heard;
  for (int round = 0; round < 10; ++round) {  // what catch_up sends fills the queue each time
    scene.client.connection().set_queued_bytes(0);
    const std::string more = scene.heard();
    CHECK(more.size() < 150);  // of 198
    heard += (heard.empty() || more.empty() ? "" : "; ") + more;
  }
  CHECK(heard == all);
}

TEST_CASE("while a consumer is busy its broadcasts keep policy, key and order", "[consumer]") {
  Scene scene;
  scene.client.say("+prices latest");
  scene.slow();
  scene.client.say("wait");
  for (const char* price : {"1", "2", "3"}) scene.tell("prices", price, *price % 2 ? "odd" : "even");
  scene.tell("static", "news");
  scene.open(scene.house.gate);
  scene.quick();
  CHECK(scene.heard() == "missed 0+1 of prices; 2; 3; news");
}

TEST_CASE("above the bound a busy consumer's client misses the newest messages, and the gap follows the rest",
          "[consumer]") {
  Scene scene;
  scene.client.say("+prices oldest");
  scene.client.say("wait");
  std::string all;
  for (int i = 0; i < 30; ++i) {
    const std::string price = std::to_string(10 + i) + std::string(998, 'x');
    scene.tell("prices", price);
    if (i < 16) all += price + "; ";  // of 1,004 bytes on the wire, and 256 beside them while it waits
  }
  CHECK(scene.heard() == "");
  scene.open(scene.house.gate);
  CHECK(scene.heard() == all + "missed 14+0 of prices");
  scene.tell("prices", "goes on");
  CHECK(scene.heard() == "goes on");
  CHECK(scene.stats().dropped_newest == 14);
}
