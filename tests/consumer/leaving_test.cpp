// SPDX-License-Identifier: MIT
// Clients that leave while something still waits: a handler, the layer, or the session's beginning.
#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("a handler that waits may finish within the grace", "[consumer][LC-27]") {
  Story story({.limits = {.disconnect_grace = 10s}});
  Communicator browser = story.browser("connect=accept; join g");
  REQUIRE(browser.connect());
  browser.say("wait a; note done; send too late");
  browser.vanish();
  CHECK(story.layer_is_empty() == false);  // the channel is there, but in no group
  CHECK(story.hub.stats().groups == 0);
  story.executor.advance(9s);
  story.open("a");
  CHECK(story.told() == "connect; joined; hear wait a; note done; send too late; note done; disconnect 1006; gone");
  CHECK(story.stats().destroyed_handlers == 0);
  CHECK(story.layer_is_empty());
  story.executor.advance(1h);
}

TEST_CASE("a handler that still waits after the grace is destroyed, and disconnect still comes", "[consumer][LC-27]") {
  Story story({.limits = {.disconnect_grace = 10s}});
  Communicator browser = story.browser("connect=accept; join g");
  REQUIRE(browser.connect());
  browser.say("wait a; note never");
  browser.vanish();
  story.executor.advance(10s - 1ns);
  CHECK(story.told() == "connect; joined; hear wait a; note never");
  story.executor.advance(1ns);
  CHECK(story.told() == "cut off; disconnect 1006; gone");
  CHECK(story.stats().destroyed_handlers == 1);
  CHECK_THAT(story.errors.text(), ContainsSubstring("destroyed"));
  CHECK(story.layer_is_empty());
  story.open("a");
  CHECK(story.told() == "");
}

TEST_CASE("a disconnect handler that never ends is destroyed", "[consumer][LC-27]") {
  Story story({.limits = {.disconnect_grace = 10s}});
  Communicator browser = story.browser("disconnect=wait a");
  REQUIRE(browser.connect());
  browser.disconnect();
  CHECK_FALSE(browser.finished());
  story.executor.advance(10s);
  CHECK(story.told() == "connect; disconnect 1000; cut off; gone");
  CHECK(browser.finished());
  CHECK(story.stats().destroyed_handlers == 1);
}

TEST_CASE("a handler that begins after the end has the grace too", "[consumer][LC-27]") {
  Story story({.limits = {.disconnect_grace = 10s}});
  Communicator browser = story.browser("connect=accept; join g");
  REQUIRE(browser.connect());
  story.told();
  REQUIRE(story.hub.group_send("g", Story::order("note lost")));  // so that the message waits, and the end behind it
  browser.connection().say(Message::text("wait a"));
  browser.disconnect();
  CHECK(story.told() == "hear wait a");
  story.executor.advance(10s);
  CHECK(story.told() == "cut off; disconnect 1000; gone");
  CHECK(browser.finished());
}

TEST_CASE("the grace of a handler is not the one of disconnect", "[consumer][LC-27]") {
  Story story({.limits = {.disconnect_grace = 10s}});
  Communicator browser = story.browser("disconnect=wait b");
  REQUIRE(browser.connect());
  browser.say("wait a");
  browser.vanish();
  story.executor.advance(9s);
  story.open("a");
  story.executor.advance(10s - 1ns);
  CHECK(story.told() == "connect; hear wait a; disconnect 1006");
  story.executor.advance(1ns);
  CHECK(story.told() == "cut off; gone");
}

TEST_CASE("a close by a handler that goes on waiting is cut off too", "[consumer][LC-27]") {
  Story story;
  Communicator browser = story.browser("connect=accept; join g");
  REQUIRE(browser.connect());
  browser.say("close 4001; wait a");
  CHECK(browser.hear_close().code() == 4001);
  CHECK(story.hub.stats().groups == 0);
  story.executor.advance(10s);
  CHECK(story.told() == "connect; joined; hear close 4001; wait a; cut off; disconnect 4001; gone");
  CHECK(story.layer_is_empty());
}

TEST_CASE("a client that leaves before anything has run", "[consumer]") {
  Story story;
  auto connection = std::make_shared<RecordingConnection>(story.executor);
  SECTION("and its end is told once the session has begun") {
    story.executor.run([&] { connection->open(*story.host, Scope()); });
    connection->say(Message::text("lost"));
    connection->vanish();
    story.executor.run_all();
    CHECK(story.told() == "connect; disconnect 1006; gone");
  }
  SECTION("or even before") {
    story.executor.run([&] {
      const auto events = story.host->open(Scope(), connection, story.executor);
      events->on_closed(close_code::abnormal);
    });
    story.executor.run_all();
    CHECK(story.told() == "");
    CHECK(story.layer.take_transcript() == "");
  }
  CHECK(story.stats().connections == 0);
  CHECK(story.layer_is_empty());
}

TEST_CASE("a client that leaves while connect() waits", "[consumer][LC-27]") {
  Story story;
  Communicator browser = story.browser("connect=wait a; accept; join g");
  CHECK_FALSE(browser.knock());
  browser.vanish();
  story.open("a");
  CHECK(story.told() == "connect; channel_closed; disconnect 1006; gone");
  CHECK(browser.hear_all() == "");
  CHECK(story.layer_is_empty());
}

TEST_CASE("a client that leaves while its channel is opened or its groups are joined", "[consumer][LC-1][LC-27]") {
  const std::string_view held = GENERATE("open_channel", "group_add");
  const bool ends = GENERATE(true, false);  // does the layer answer at all?
  CAPTURE(held, ends);
  Story story;
  if (held == "group_add") story.static_groups = {"a", "b"};
  story.layer.hold();
  Communicator browser = story.browser();
  CHECK_FALSE(browser.knock());
  if (held == "group_add") {
    story.layer.release();
    story.layer.hold();
    story.executor.run_one();
  }
  browser.vanish();
  if (ends) story.layer.release();
  story.executor.advance(10s);
  CHECK(story.told() == "gone");
  CHECK(browser.finished());
  CHECK(story.layer_is_empty());
}
