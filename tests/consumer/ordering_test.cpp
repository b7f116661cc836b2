// SPDX-License-Identifier: MIT
// One thing at a time, in order, and never one past the other.
#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

// A story with one browser that is in group "g".
struct Scene : Story {
  explicit Scene(HostOptions options = {}, ChannelLayerOptions layer_options = {})
      : Story(options, layer_options), browser(Story::browser("connect=accept; join g")) {
    browser.connect();
    told();
    layer.take_transcript();
    browser.connection().take_transcript();
  }
  void say(const std::string& text) { browser.connection().say(Message::text(text)); }

  Communicator browser;
};

}  // namespace

TEST_CASE("a second handler waits until the first has finished", "[consumer][DI-6]") {
  Scene scene;
  scene.browser.say("wait a; note first");
  scene.publish("g", Scene::order("note second"));
  scene.browser.say("note third");
  scene.publish("g", Scene::order("wait b; note fourth"));
  scene.browser.say("note fifth");
  CHECK(scene.told() == "hear wait a; note first");
  scene.open("a");
  scene.open("b");
  CHECK(scene.told() ==
        "note first; hear note third; note third; event note second; note second; hear note fifth; note fifth; "
        "event wait b; note fourth; note fourth");
}

TEST_CASE("five messages and five events that wait are taken in turns, the client first", "[consumer][DI-7][DI-8]") {
  Scene scene;
  scene.browser.say("wait a");
  for (const char* number : {"1", "2", "3", "4", "5"}) {
    scene.publish("g", Scene::order(std::string("send event ") + number));
  }
  for (const char* order : {"send 1", "send 2", "send 3", "send 4", "send 5"}) scene.say(order);
  scene.executor.run_all();
  scene.open("a");
  CHECK(scene.browser.hear_all() ==
        "text: 1\ntext: event 1\ntext: 2\ntext: event 2\ntext: 3\ntext: event 3\ntext: 4\ntext: event 4\n"
        "text: 5\ntext: event 5");
}

TEST_CASE("a flood of events that all make their consumer wait leaves the client its turns", "[consumer][DI-7]") {
  Scene scene;
  for (int i = 0; i < 10; ++i) (void)scene.hub.group_send("g", Scene::order("wait " + std::to_string(i)));
  scene.executor.run_all();
  for (int i = 0; i < 3; ++i) scene.say(("note " + std::to_string(i)).c_str());
  for (int i = 0; i < 4; ++i) scene.open(std::to_string(i));
  CHECK(scene.told() ==
        "event wait 0; hear note 0; note 0; event wait 1; hear note 1; note 1; event wait 2; hear note 2; note 2; "
        "event wait 3; event wait 4");
}

TEST_CASE("a thousand messages are handled in order", "[consumer][DI-8]") {
  Scene scene;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    scene.say(("send " + std::to_string(i)).c_str());
    expected += (i ? "\ntext: " : "text: ") + std::to_string(i);
  }
  CHECK(scene.browser.hear_all() == expected);
}

TEST_CASE("a thousand events are handled in order", "[consumer][DI-8]") {
  Scene scene({}, {.capacity = 1000});
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    (void)scene.hub.group_send("g", Scene::order("send " + std::to_string(i)));
    expected += (i ? "\ntext: " : "text: ") + std::to_string(i);
  }
  CHECK(scene.browser.hear_all() == expected);
}

TEST_CASE("a client is not read while its consumer waits for something", "[consumer][DI-9]") {
  Scene scene;
  scene.browser.say("wait a");
  CHECK(scene.browser.connection().paused());
  for (int i = 0; i < 100; ++i) scene.say("note x");
  scene.executor.run_all();
  CHECK(scene.browser.connection().undelivered() == 100);
  scene.open("a");
  CHECK(scene.browser.connection().undelivered() == 0);
  CHECK_FALSE(scene.browser.connection().paused());
  CHECK(scene.browser.connection().transcript() == "pause\nresume");
}

TEST_CASE("a client is read on while events keep its consumer waiting only for a moment", "[consumer][DI-9]") {
  Scene scene;
  scene.publish("g", Scene::order("wait a"));
  scene.browser.say("note 1");
  CHECK(scene.browser.connection().paused());
  scene.open("a");
  scene.browser.say("note 2");
  CHECK(scene.told() == "event wait a; hear note 1; note 1; hear note 2; note 2");
}

TEST_CASE("a client whose messages fill its consumer's mailbox is not read for a while", "[consumer][DI-9]") {
  HostOptions options;
  options.limits.client_mail = 2;
  Scene scene(options);
  (void)scene.hub.group_send("g", Scene::order("note first"));  // what follows waits behind it
  for (int i = 0; i < 3; ++i) scene.say("note " + std::to_string(i));
  scene.executor.run_all();
  CHECK(scene.told() == "hear note 0; note 0; event note first; note first; hear note 1; note 1; hear note 2; note 2");
  CHECK(scene.browser.connection().transcript() == "pause\nresume");
  CHECK(scene.stats().full_mailboxes == 1);
}

TEST_CASE("a broadcast never overtakes the event before it", "[consumer][CC-26]") {
  Scene scene;
  SECTION("an idle consumer gets both at once") {
    (void)scene.hub.group_send("g", Scene::order("send revoked"));
    (void)scene.hub.group_send("g", Scene::broadcast("secret"));
  }
  SECTION("a consumer that waits gets them in the same order") {
    scene.browser.say("wait a");
    (void)scene.hub.group_send("g", Scene::order("send revoked"));
    (void)scene.hub.group_send("g", Scene::broadcast("secret"));
    scene.executor.run_all();
    CHECK(scene.browser.hear_nothing());
    scene.open("a");
  }
  CHECK(scene.browser.hear_all() == "text: revoked\ntext: secret");
}

TEST_CASE("nothing of a group arrives after an event that ends the membership", "[consumer]") {
  Scene scene;
  SECTION("by leaving") {
    (void)scene.hub.group_send("g", Scene::broadcast("1"));
    (void)scene.hub.group_send("g", Scene::order("leave g; send left"));
    scene.executor.run_all();
    (void)scene.hub.group_send("g", Scene::broadcast("2"));
    CHECK(scene.browser.hear_all() == "text: 1\ntext: left");
  }
  SECTION("by closing, even if it was sent before the event was handled") {
    (void)scene.hub.group_send("g", Scene::broadcast("1"));
    (void)scene.hub.group_send("g", Scene::order("close 4003"));
    (void)scene.hub.group_send("g", Scene::broadcast("2"));
    CHECK(scene.browser.hear_all() == "text: 1\nclose 4003");
    CHECK(scene.stats().dropped_at_close + scene.stats().sends_after_close <= 1);
  }
}

TEST_CASE("broadcasts that wait keep their order among client messages and events", "[consumer][DI-8]") {
  Scene scene;
  scene.browser.say("wait a");
  for (int i = 0; i < 3; ++i) {
    (void)scene.hub.group_send("g", Scene::broadcast("b" + std::to_string(i)));
    (void)scene.hub.group_send("g", Scene::broadcast("c" + std::to_string(i)));
    (void)scene.hub.group_send("g", Scene::order("send e" + std::to_string(i)));
  }
  scene.executor.run_all();
  scene.open("a");
  CHECK(scene.browser.hear_all() ==
        "text: b0\ntext: c0\ntext: e0\ntext: b1\ntext: c1\ntext: e1\ntext: b2\ntext: c2\ntext: e2");
}

TEST_CASE("a broadcast that arrives before accept is sent after it", "[consumer][CC-2]") {
  Story story;
  Communicator browser = story.browser("connect=join g; wait a; accept; send hello");
  browser.knock();
  story.publish("g", Story::broadcast("early"));
  story.open("a");
  CHECK(browser.hear_all() == "accept\ntext: hello\ntext: early");
}

TEST_CASE("a handler's messages and broadcasts leave as one batch in order", "[consumer]") {
  Scene scene;
  scene.browser.say("send 1; publish g 2; send 3");
  CHECK(scene.browser.hear_all() == "text: 1\ntext: 3\ntext: 2");
}

TEST_CASE("too many events for a busy consumer end its connection", "[consumer][CL-12][CL-14]") {
  Scene scene({}, {.capacity = 3});
  scene.browser.say("wait a");
  for (int i = 0; i < 3; ++i) scene.publish("g", Scene::order("send " + std::to_string(i)));
  CHECK(scene.browser.hear_nothing());
  CHECK(scene.stats().mailbox_overflows == 0);
  scene.publish("g", Scene::order("send 3"));
  CHECK(scene.browser.hear_all() == "close 1013 too slow");
  CHECK(scene.stats().mailbox_overflows == 1);
  scene.publish("g", Scene::order("send 4"));
  scene.open("a");
  CHECK(scene.told() == "hear wait a; disconnect 1013 too slow; gone");
  CHECK(scene.layer_is_empty());
}

TEST_CASE("with drop_newest a busy consumer loses the newest events", "[consumer][CL-14]") {
  Scene scene({.mailbox_overflow = MailboxOverflow::drop_newest}, {.capacity = 3});
  scene.browser.say("wait a");
  for (int i = 0; i < 6; ++i) scene.publish("g", Scene::order("send " + std::to_string(i)));
  scene.open("a");
  CHECK(scene.browser.hear_all() == "text: 0\ntext: 1\ntext: 2");
  CHECK(scene.stats().mailbox_overflows == 3);
  scene.publish("g", Scene::order("send 6"));
  CHECK(scene.browser.hear_all() == "text: 6");
}

TEST_CASE("a busy consumer does not delay others", "[consumer][CL-22]") {
  Scene scene({}, {.capacity = 3});
  Communicator other = scene.Story::browser("connect=accept; join g");
  REQUIRE(other.connect());
  scene.browser.say("wait a");
  for (int i = 0; i < 6; ++i) scene.publish("g", Scene::order("send " + std::to_string(i)));
  CHECK(other.hear_all() == "text: 0\ntext: 1\ntext: 2\ntext: 3\ntext: 4\ntext: 5");
}

TEST_CASE("broadcasts for a busy consumer count as queued bytes", "[consumer]") {
  Scene scene({.limits = {.queued_bytes = 500 + 5 * 356}});
  const std::string payload(98, 'x');  // 100 bytes with its header, and 256 beside them while it waits
  scene.browser.say("wait a");
  scene.browser.connection().set_queued_bytes(500);
  for (int i = 0; i < 5; ++i) scene.publish("g", Scene::broadcast(payload));
  CHECK(scene.browser.hear_nothing());
  scene.publish("g", Scene::broadcast("x"));
  CHECK(scene.browser.hear_all() == "close 1013 too slow");
  scene.open("a");
  CHECK(scene.layer_is_empty());
}

TEST_CASE("a client that reads nothing is disconnected, and leaves nothing behind", "[consumer]") {
  Scene scene;
  scene.browser.connection().stall(1000);
  for (int i = 0; i < 20; ++i) scene.publish("g", Scene::broadcast(std::string(98, 'x')));
  CHECK(scene.told() == "disconnect 1013 too slow; gone");
  CHECK(scene.layer_is_empty());
}

TEST_CASE("a layer that is down ends no consumer, and its errors reach the handler", "[consumer][DI-10]") {
  Scene scene;
  scene.layer.fail_all();
  scene.browser.say("join h; leave g; publish g 1; send still here");
  CHECK(scene.browser.hear_all() == "text: still here");
  CHECK(scene.told() ==
        "hear join h; leave g; publish g 1; send still here; layer_unavailable; layer_unavailable; layer_unavailable");
  scene.layer.fail_all(false);
  scene.browser.say("join h; publish h 2");
  CHECK(scene.browser.hear_all() == "text: 2");
}

TEST_CASE("handlers may join and leave twice, and leave groups they are not in", "[consumer][CL-19][CL-20]") {
  Scene scene;
  scene.browser.say("join g; join h; leave never; leave h; leave h; join bad!name; leave bad name");
  CHECK_THAT(scene.told(), ContainsSubstring("joined; joined; left; left; left; invalid_name; invalid_name"));
  scene.publish("g", Scene::broadcast("once"));
  CHECK(scene.browser.hear_all() == "text: once");
}

namespace {

// Resumes the waiter inside the call, as a callback on the right thread may.
struct Bell {
  std::coroutine_handle<> waiting;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> who) noexcept { waiting = who; }
  void await_resume() noexcept {}
};

class Waiting : public Consumer {
 public:
  Waiting(Bell* bell, Story* story) : bell_(*bell), story_(*story) {}
  Task<> receive(const Message&) override {
    Bell& bell = bell_;  // g++ 12 with UBSan loses `this` across the co_await of a member
    co_await bell;
    story_.tell("rung");
  }
  Task<> disconnect(const CloseReason&) override {
    auto gate = story_.gate("bye");
    co_await gate;
    story_.tell("bye");
  }

 private:
  Bell& bell_;
  Story& story_;
};

}  // namespace

TEST_CASE("a handler that finishes in the moment its grace ends does not cut off the next", "[consumer][LC-27]") {
  Story story({.limits = {.disconnect_grace = 10s}});
  Bell bell;
  Communicator browser(story.executor, consumer<Waiting>(&bell, &story), story.layer, {"/"},
                       {.limits = {.disconnect_grace = 10s}});
  REQUIRE(browser.connect());
  browser.say("wait");
  story.executor.post_after(10s, [&] { bell.waiting.resume(); });  // due with the grace, and before it
  browser.vanish();
  story.executor.advance(10s);
  CHECK(story.told() == "rung");
  story.open("bye");
  CHECK(story.told() == "bye");
  CHECK(browser.finished());
}
