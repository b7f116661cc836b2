// SPDX-License-Identifier: MIT
// Failures of allocations and of posts: which connections they affect.
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <vector>

#include "sluice/consumer/consumer.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/log.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"
#include "support/failing_allocations.hpp"
#include "support/silence.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

// A connection whose own memory never fails.
class Line final : public Connection {
 public:
  explicit Line(Executor& executor) : executor_(executor) {}

  void accept(const Acceptance&) override { accepted = true; }
  void deny(const Denial&) override { end(close_code::abnormal); }
  void send(const Frame& frame) override {
    const Unfailing notes;
    FrameReader messages(frame.wire());
    while (auto message = messages.next()) heard.insert(std::string(message.payload));
  }
  void close(const CloseReason& reason) override { end(reason.code()); }
  void pause_reading() override {}
  void resume_reading() override {}
  std::size_t queued_bytes() const noexcept override { return 0; }
  void tell_when_drained() override {}

  void end(std::uint16_t code) {
    if (std::exchange(closed, true)) return;
    ended_with = code;
  }
  // What a transport does behind the call that closed the connection.
  void tell_closed() {
    if (!closed || !events) return;
    executor_.post([told = events, code = ended_with] { told->on_closed(CloseReason(code)); });
    events = nullptr;
  }

  std::shared_ptr<ConnectionEvents> events;
  std::multiset<std::string> heard;
  bool accepted = false, closed = false;
  std::uint16_t ended_with = 0;

 private:
  Executor& executor_;
};

struct Tick {
  static constexpr std::string_view event_type = "tick";
};

// Answers "hi" to a message, "waited" to one that waits for the gate, "tick" to an event.
class Polite : public Consumer {
 public:
  explicit Polite(const std::map<std::string, Completion<std::monostate>>& gates) : gates_(gates) {}
  Task<> connect() override {
    const auto joined = co_await group_add("room");
    if (joined) accept();
  }
  Task<> receive(const Message& message) override {
    if (message.data() == "wait") return wait();
    if (message.data() == "later") return tick_later();
    return greet();
  }
  Task<> tick(const Tick&) {
    send_text("tick");
    return {};
  }
  const EventHandlers& event_handlers() const override {
    static const auto handlers = EventHandlers{}.on<Tick>(&Polite::tick);
    return handlers;
  }

 private:
  Task<> greet() {
    send_text("hi");
    return {};
  }
  Task<> tick_later() {
    hear_later(std::chrono::seconds(1), Event::named("tick"));
    hear_later(std::chrono::seconds(2), Event::named("tick"));
    return {};
  }
  Task<> wait() {
    const Completion<std::monostate> gate = gates_.at("gate");
    co_await gate;
    send_text("waited");
  }
  const std::map<std::string, Completion<std::monostate>>& gates_;
};

// A client was answered, and received everything, or its connection ended.
bool served(const std::shared_ptr<Line>& line, const std::multiset<std::string>& due) {
  if (!line || !line->events) return true;
  if (line->closed && line->ended_with != close_code::going_away) return true;
  return line->accepted && line->heard == due;
}

Event broadcast(std::string payload) { return Event::broadcast_to_group(json::Text(std::move(payload))); }

// Two connections in one room, one of which goes through all events. A connection that is not closed has received
// everything, nothing is left behind, and the next one is served normally.
class Story {
 public:
  using Step = std::function<void(const std::function<void()>&)>;

  Story() {
    gates["gate"];
    one = open();
    executor.run_all();
  }

  void tell(const Step& step) {
    step([&] { two = open(); });
    run(step);
    publish(step, "a");
    run(step);
    say(step, "hello");
    say(step, "wait");
    run(step);
    publish(step, "b");
    tick(step);
    run(step);
    publish(step, "c");
    say(step, "hello");
    run(step);
    step([&] { gates["gate"].resolve({}); });
    run(step);
    publish(step, "d");
    run(step);
    say(step, "later");
    run(step);
    for (int second = 0; second < 2; ++second) {
      step([&] { executor.advance(std::chrono::seconds(1)); });
      run(step);
    }
    if (two && two->events) step([&] { two->events->on_stop(CloseReason(close_code::going_away)); });
    run(step);
  }

  void check() {
    executor.fail_post(0);
    gates["gate"].resolve({});
    settle();
    CHECK(served(one, due_to_all));
    std::multiset<std::string> due = due_to_all;
    due.insert(due_to_two.begin(), due_to_two.end());
    CHECK(served(two, due));
    others.push_back(open());
    settle();
    REQUIRE(others.back()->accepted);
    REQUIRE(layer.group_send("room", broadcast("e")));
    settle();
    CHECK(others.back()->heard == std::multiset<std::string>{"e"});
    if (!one->closed) CHECK(one->heard.contains("e"));
    others.push_back(one);
    if (two) others.push_back(two);
    for (const auto& line : others) line->end(close_code::abnormal);
    settle();
    CHECK(host.stats().connections == 0);
    CHECK(host.stats().held_bytes == 0);
    CHECK(layer.stats().channels == 0);
    CHECK(layer.stats().groups == 0);
    CHECK(layer.stats().waiting_events == 0);
  }

 private:
  std::shared_ptr<Line> open() {
    std::shared_ptr<Line> line;
    {
      const Unfailing notes;
      line = std::make_shared<Line>(executor);
    }
    executor.run([&] { line->events = host.open(Scope(), line, executor); });
    return line;
  }
  void run(const Step& step) {
    step([&] { executor.run_all(); });
    const Unfailing notes;
    for (const auto& line : {one, two}) {
      if (!line) continue;
      try {
        line->tell_closed();
      } catch (const std::bad_alloc&) {
        line->tell_closed();
      }
    }
  }
  void settle() {
    for (int i = 0; i < 3; ++i) {
      executor.run_all();
      for (const auto& line : {one, two}) {
        if (line) line->tell_closed();
      }
      for (const auto& line : others) line->tell_closed();
    }
    executor.advance(std::chrono::seconds(30));
  }
  void say(const Step& step, const char* what) {
    if (!two || two->closed || !two->events) return;
    step([&] { executor.run([&] { two->events->on_message(Message::text(what)); }); });
    const Unfailing notes;
    const std::string said(what);
    due_to_two.insert(said == "wait" ? "waited" : said == "later" ? "tick" : "hi");
    if (said == "later") due_to_two.insert("tick");
  }
  void publish(const Step& step, const char* what) { send(step, broadcast(what), what); }
  void tick(const Step& step) { send(step, Event::named("tick"), "tick"); }
  void send(const Step& step, const Event& event, const char* what) {
    step([&] {
      if (!layer.group_send("room", event)) return;
      const Unfailing notes;
      due_to_all.insert(what);
    });
  }

 public:
  std::map<std::string, Completion<std::monostate>> gates;
  ManualExecutor executor;
  InMemoryChannelLayer layer{executor};
  Host host{consumer<Polite>(std::cref(gates)), layer};
  std::shared_ptr<Line> one, two;
  std::vector<std::shared_ptr<Line>> others;
  std::multiset<std::string> due_to_all, due_to_two;
};

}  // namespace

TEST_CASE("whichever allocation fails, one connection ends at most early, and nothing is left behind", "[consumer]") {
  const test::Silence silence;
  std::size_t nth = 0;
  for (bool failed = true; failed;) {
    CAPTURE(++nth);
    REQUIRE(nth < 2000);
    Story story;
    std::size_t left = nth;
    story.tell([&](const std::function<void()>& work) {
      if (left == 0) return work();
      FailingAllocation failing(left);
      try {
        work();
      } catch (const std::bad_alloc&) {}
      left = fail_in;
    });
    failed = left == 0;
    story.check();
  }
  CHECK(nth > 30);
}

TEST_CASE("whichever post fails, one connection ends at most early, and nothing is left behind", "[consumer]") {
  const test::Silence silence;
  std::size_t nth = 0;
  for (bool failed = true; failed;) {
    CAPTURE(++nth);
    REQUIRE(nth < 200);
    Story story;
    story.executor.fail_post(nth);
    story.tell([&](const std::function<void()>& work) {
      try {
        work();
      } catch (const std::bad_alloc&) {}
    });
    failed = !story.executor.post_to_fail();
    story.check();
  }
  CHECK(nth > 5);
}
