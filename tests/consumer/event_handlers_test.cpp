// SPDX-License-Identifier: MIT
#include <malloc.h>

#include "sluice/consumer/event_handlers.hpp"

#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

struct UsersRemoved {
  static constexpr std::string_view event_type = "users_removed";
  std::vector<std::int64_t> user_ids;
  std::string reason;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("user_ids", &UsersRemoved::user_ids),
                          sluice::field("reason", &UsersRemoved::reason));
  }
};

class Listener : public Consumer {
 public:
  explicit Listener(Story* story) : story_(*story) {}
  Task<> connect() override {
    accept();
    auto joined = co_await group_add("g");
    if (!joined) throw std::logic_error(joined.error().message());
  }
  Task<> chat_message(const Event& event) {
    story_.tell("raw " + std::string(event.text().view()));
    return {};
  }
  Task<> users_removed(const UsersRemoved& removed) {
    auto gate = story_.gate("a");
    co_await gate;  // the argument lives until the task has finished
    story_.tell("typed " + std::to_string(removed.user_ids.at(0)) + " " + removed.reason);
  }
  Task<> broadcast_to_group(const Event& event) {
    story_.tell("intercepted");
    send_text("secret of " + std::string(event.value()["payload"].as_string().value_or("?")));
    return {};
  }
  const EventHandlers& event_handlers() const override {
    static const auto handlers = EventHandlers{}
                                     .on("chat.message", &Listener::chat_message)
                                     .on<UsersRemoved>(&Listener::users_removed)
                                     .on("broadcast_to_group", &Listener::broadcast_to_group);
    return handlers;
  }

 private:
  Story& story_;
};

struct Scene : Story {
  explicit Scene(HostOptions options = {})
      : browser(executor, consumer<Listener>(this), layer, {"/listener/"}, options) {
    browser.connect();
  }
  void publish(std::string_view json) { Story::publish("g", Event::parse(json).value()); }
  Communicator browser;
};

}  // namespace

TEST_CASE("an event reaches the handler of its type, dots counting as underscores", "[consumer][DI-1]") {
  Scene scene;
  scene.publish(R"({"type":"chat.message","n":1})");
  scene.publish(R"({"type":"chat_message","n":2})");
  CHECK(scene.told() == R"(raw {"type":"chat.message","n":1}; raw {"type":"chat_message","n":2})");
  Story& story = scene;
  story.publish("g", Event::named("chat.message"));
  CHECK_THAT(scene.told(), ContainsSubstring("raw"));
}

TEST_CASE("a typed handler is given the decoded event, which lives as long as it waits", "[consumer]") {
  Scene scene;
  Story& story = scene;
  story.publish("g", Event::of(UsersRemoved{{7}, std::string(100, 'x')}));
  CHECK(scene.told() == "");
  scene.open("a");
  CHECK(scene.told() == "typed 7 " + std::string(100, 'x'));
}

TEST_CASE("an event that can't be decoded is ignored, counted and logged", "[consumer]") {
  Scene scene;
  scene.publish(R"({"type":"users_removed","user_ids":"all","reason":""})");
  CHECK(scene.browser.host().stats().undecodable_events == 1);
  CHECK_THAT(scene.errors.text(), ContainsSubstring("users_removed") && ContainsSubstring("user_ids"));
  CHECK(scene.browser.hear_nothing());
}

TEST_CASE("an event type from outside can neither flood the log nor forge a line of it", "[consumer][DI-3]") {
  Scene scene;
  scene.publish(R"({"type":"a\nsluice error: all is lost"})");
  scene.publish(R"({"type":"b)" + std::string(100'000, 'b') + "\"}");
  CHECK(scene.errors.size() == 2);
  CHECK(scene.errors.text().size() < 1000);
}

namespace {
struct Tick {
  static constexpr std::string_view event_type = "tick";
  int number = 0;
  static constexpr auto fields() { return sluice::fields(sluice::field("number", &Tick::number)); }
};

// Sends a count every second; a message restarts it from 1, in a second.
class Clock : public Consumer {
 public:
  Task<> connect() override {
    hear_later(1s, Event::of(Tick{1}));
    accept();
    return {};
  }
  Task<> receive(const Message& message) override {
    if (message.data() == "bye") close();
    hear_later(1s, Event::of(Tick{100}));
    return {};
  }
  Task<> tick(const Tick& tick) {
    send_text(std::to_string(tick.number));
    if (tick.number < 3) hear_later(1s, Event::of(Tick{tick.number + 1}));
    return {};
  }
  const EventHandlers& event_handlers() const override {
    static const auto handlers = EventHandlers{}.on<Tick>(&Clock::tick);
    return handlers;
  }
};
}  // namespace

TEST_CASE("a consumer's timer is an event to itself, with a layer and without", "[consumer]") {
  const bool with_layer = GENERATE(true, false);
  ManualExecutor executor;
  std::optional<InMemoryChannelLayer> layer(std::in_place, executor);
  std::optional<Communicator> browser;
  with_layer ? browser.emplace(executor, consumer<Clock>(), *layer, ClientRequest{})
             : browser.emplace(executor, consumer<Clock>(), ClientRequest{});
  REQUIRE(browser->connect());
  executor.advance(1s - 1ns);
  CHECK(browser->hear_nothing());
  executor.advance(1ns);
  CHECK(browser->hear_all() == "text: 1");
  browser->say("hello");
  executor.advance(1s);
  CHECK(browser->hear_all() == "text: 2\ntext: 100");
  browser->say("bye");
  CHECK(browser->hear_all() == "close 1000");
  CHECK(browser->finished());
  CHECK(browser->host().stats().failed_handlers == 0);
  browser.reset();
  layer.reset();  // before the timer: nobody is left to hear it, and nothing to ask for them
  executor.advance(1h);
}

TEST_CASE("a consumer's timer for the latest time never fires, and one for the past fires now", "[consumer]") {
  class Waits : public Clock {
    Task<> connect() override {
      hear_later(std::chrono::nanoseconds::max(), Event::of(Tick{3}));
      hear_later(std::chrono::nanoseconds::min(), Event::of(Tick{7}));
      accept();
      return {};
    }
  };
  ManualExecutor executor;
  Communicator browser(executor, consumer<Waits>(), ClientRequest{});
  REQUIRE(browser.connect());
  CHECK(browser.hear_all() == "text: 7");
  executor.advance(1000h);
  CHECK(browser.hear_nothing());
}

TEST_CASE("the timers of a consumer end with it, and keep no memory of it", "[consumer]") {
  class Sleeps : public Clock {
    Task<> connect() override {
      hear_later(12h, Event::of(Tick{1}));
      hear_later(13h, Event::of(Tick{2}));
      accept();
      return {};
    }
  };
  ManualExecutor executor;
  const auto come_and_go = [&](int times) {
    for (int i = 0; i < times; ++i) {
      Communicator browser(executor, consumer<Sleeps>(), ClientRequest{});
      REQUIRE(browser.connect());
      browser.disconnect();
      REQUIRE(browser.finished());
      executor.advance(1s);
    }
  };
  come_and_go(50);
  const std::size_t before = ::mallinfo2().uordblks;
  come_and_go(1'000);
  const std::size_t after = ::mallinfo2().uordblks;
  CHECK(after < before + 100'000);
  executor.advance(14h);
}

TEST_CASE("an event without a handler is ignored, counted, and logged once", "[consumer][DI-3]") {
  Scene scene;
  for (int i = 0; i < 3; ++i) scene.publish(R"({"type":"nobody.knows"})");
  CHECK(scene.browser.host().stats().unknown_events == 3);
  CHECK(scene.errors.size() == 1);
  CHECK_THAT(scene.errors.text(), ContainsSubstring("\"nobody_knows\" ignored"));
  CHECK(scene.browser.hear_nothing());
}

TEST_CASE("a strict host treats an event without a handler as an error", "[consumer][DI-3]") {
  Scene scene({.strict_events = true});
  scene.publish(R"({"type":"nobody.knows"})");
  CHECK(scene.browser.hear_close().code() == 1011);
  CHECK(scene.layer_is_empty());
}

TEST_CASE("only listed handlers can be reached by an event", "[consumer][DI-4][DI-5]") {
  const char* type = GENERATE("send_json", "send", "close", "scope", "dispatch", "connect", "receive", "disconnect",
                              "websocket.receive", "websocket.disconnect", "users_removed.", "event_handlers");
  Scene scene;
  scene.publish(R"({"type":")" + std::string(type) + R"(","code":1000,"text":"hello"})");
  CHECK(scene.browser.host().stats().unknown_events == 1);
  CHECK(scene.browser.hear_nothing());
  CHECK(scene.told() == "");
  CHECK_FALSE(scene.browser.finished());
}

TEST_CASE("a handler of a broadcast's type receives it instead of the client", "[consumer]") {
  Scene scene;
  Story& story = scene;
  story.publish("g", Story::broadcast("\"ada\""));
  CHECK(scene.told() == "intercepted");
  CHECK(scene.browser.hear() == "secret of ada");
  story.publish("g", Event::broadcast_to_all_users(json::Text("1")));
  CHECK(scene.told() == "");
  CHECK(scene.browser.hear() == "1");
}

TEST_CASE("an event table refuses types that are invalid or already listed", "[consumer][DI-2]") {
  const auto add = [](std::string_view type) {
    return EventHandlers{}.on("chat.message", &Listener::chat_message).on(type, &Listener::chat_message);
  };
  CHECK_THROWS_AS(add(""), std::invalid_argument);
  CHECK_THROWS_AS(add("_private"), std::invalid_argument);
  CHECK_THROWS_AS(add(".hidden"), std::invalid_argument);
  CHECK_THROWS_WITH(add("chat_message"), ContainsSubstring("chat_message") && ContainsSubstring("listed already"));
  CHECK(add("chat.other").handles("chat_other"));
  CHECK_FALSE(add("chat.other").handles("chat.nothing"));
}

namespace {

// A handler in a class with several bases, and a virtual one: member pointers of every kind.
struct Left {
  virtual ~Left() = default;
  int left = 1;
};
class Middle : public Left, public Listener {
 public:
  using Listener::Listener;
  virtual Task<> virtual_one(const Event&) {
    send_text("middle");
    return {};
  }
  const EventHandlers& event_handlers() const override {
    static const auto handlers = EventHandlers{}.on("virtual_one", &Middle::virtual_one);
    return handlers;
  }
};
class Derived : public Middle {
 public:
  using Middle::Middle;
  Task<> virtual_one(const Event&) override {
    send_text("derived");
    return {};
  }
};

}  // namespace

TEST_CASE("handlers may be virtual, and their class may have several bases", "[consumer]") {
  Story story;
  Communicator browser(story.executor, consumer<Derived>(&story), story.layer, {"/"});
  REQUIRE(browser.connect());
  story.publish("g", Event::named("virtual_one"));
  CHECK(browser.hear() == "derived");
}
