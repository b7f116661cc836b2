// SPDX-License-Identifier: MIT
// What a consumer sends and receives when its server stops.
#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("a consumer's on_stop() may send when the server stops, and the close follows", "[consumer][LC-27]") {
  Story story;
  Communicator browser = story.browser("connect=accept; join a&stop=connected?; send bye");
  REQUIRE(browser.connect());
  story.told();
  browser.stop_server();
  CHECK(browser.hear_all() == "text: bye\nclose 1012");
  CHECK(story.told() == "stop; connected; disconnect 1012; gone");
  CHECK(browser.finished());
  CHECK(story.layer_is_empty());
}

TEST_CASE("the default consumer sends nothing at a stop, and its client gets the server's reason",
          "[consumer][LC-27]") {
  ManualExecutor executor;
  class Silent : public Consumer {};
  Communicator browser(executor, consumer<Silent>(), {"/"});
  REQUIRE(browser.connect());
  browser.stop_server({close_code::going_away, "moved"});
  CHECK(browser.hear_all() == "close 1001 moved");
  CHECK(browser.finished());
}

TEST_CASE("broadcasts until the end of on_stop() are sent before the close", "[consumer]") {
  Story story;
  Communicator browser = story.browser("connect=accept; join a&stop=send bye; publish a last; wait gate");
  REQUIRE(browser.connect());
  browser.say("wait busy");
  story.publish("a", Story::broadcast("1"));
  story.publish("a", Story::order("send 2"));
  browser.stop_server();
  CHECK(browser.hear_nothing());
  story.publish("a", Story::broadcast("3"));
  story.open("busy");
  CHECK(browser.hear_all() == "text: 1\ntext: 2\ntext: bye");
  story.publish("a", Story::broadcast("4"));
  CHECK(browser.hear_nothing());
  story.open("gate");
  CHECK(browser.hear_all() == "text: 3\ntext: last\ntext: 4\nclose 1012");
  CHECK(browser.finished());
}

TEST_CASE("a broadcast that is still on its way when on_stop() ends is sent before the close", "[consumer]") {
  Story story;
  Communicator browser = story.browser("connect=accept; join a&stop=wait gate");
  REQUIRE(browser.connect());
  browser.stop_server();
  REQUIRE(story.hub.group_send("a", Story::broadcast("on its way")));
  story.open("gate");
  CHECK(browser.hear_all() == "text: on its way\nclose 1012");
}

TEST_CASE("on_stop() may close with a reason of its own, or throw", "[consumer]") {
  Story story;
  Communicator own = story.browser("stop=close 4000 elsewhere; send too late");
  Communicator failing = story.browser("stop=throw out of words");
  REQUIRE((own.connect() && failing.connect()));
  own.stop_server();
  failing.stop_server();
  CHECK(own.hear_all() == "close 4000 elsewhere");
  CHECK(failing.hear_close().code() == 1011);
  CHECK_THAT(story.errors.text(), ContainsSubstring("out of words"));
  CHECK(story.layer_is_empty());
}

TEST_CASE("a client that leaves first does not delay the stop", "[consumer]") {
  Story story;
  Communicator before = story.browser("connect=accept; wait never");
  Communicator meanwhile = story.browser("stop=wait gate; send to nobody");
  REQUIRE((before.connect() && meanwhile.connect()));
  story.told();
  before.stop_server();
  CHECK(before.hear_nothing());
  meanwhile.stop_server();
  meanwhile.disconnect();
  story.open("gate");
  CHECK(story.told() == "stop; disconnect 1000; gone");
  CHECK(meanwhile.finished());
  before.vanish();
  story.executor.advance(ConsumerLimits().disconnect_grace);
  CHECK(story.told() == "cut off; disconnect 1006; gone");
}
