// SPDX-License-Identifier: MIT
// What a consumer finds around it while it lives: its channel and groups, its layer, its client, the other consumers.
#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("a channel is open and the static groups are joined before connect runs", "[consumer][LC-1][LC-25]") {
  Story story;
  story.static_groups = {"a", "b"};
  Communicator browser = story.browser("connect=accept; name; publish a 1");
  REQUIRE(browser.connect());
  CHECK(story.layer.take_transcript().starts_with("open_channel\ngroup_add a\ngroup_add b\ngroup_send a"));
  CHECK_THAT(browser.hear(), ContainsSubstring("!"));
  CHECK(browser.hear() == "1");
}

TEST_CASE("a consumer works without a layer, with client messages only", "[consumer][LC-24]") {
  Story story;
  Communicator browser(story.executor, consumer<Obedient>(&story), {"/"});
  REQUIRE(browser.connect());
  browser.say("send hello; name; join a; leave a");
  CHECK(browser.hear() == "hello");
  CHECK(browser.hear() == "");
  CHECK(story.told() == "connect; hear send hello; name; join a; leave a; layer_unavailable; layer_unavailable");
  browser.say("publish a 1");
  CHECK(browser.hear_close().code() == 1011);
  CHECK_THAT(story.errors.text(), ContainsSubstring("the host has no channel layer"));
}

TEST_CASE("two hosts with two layers do not share groups", "[consumer][LC-24]") {
  Story story, other;
  Communicator browser = story.browser("connect=accept; join a");
  Communicator stranger(story.executor, consumer<Obedient>(&other), story.layer, {"/?connect=accept; join a"});
  Communicator elsewhere = other.browser("connect=accept; join a");
  REQUIRE((browser.connect() && stranger.connect() && elsewhere.connect()));
  story.publish("a", Story::broadcast("1"));
  CHECK(browser.hear() == "1");
  CHECK(stranger.hear() == "1");
  CHECK(elsewhere.hear_nothing());
}

TEST_CASE("each connection has a consumer of its own", "[consumer][SC-2]") {
  Story story;
  Communicator ann = story.browser("connect=accept; name");
  Communicator bob = story.browser("connect=accept; name");
  ann.knock();
  bob.knock();
  ann.connect();
  bob.connect();
  CHECK(ann.hear() != bob.hear());
}

namespace {

class EchoOfAll : public Consumer {
 public:
  Task<> receive(const Message& message) override {
    send(message.kind(), message.data());
    return {};
  }
};

}  // namespace

TEST_CASE("a message is text or binary in both directions, and an empty one is a message", "[consumer][LC-15][LC-17]") {
  ManualExecutor executor;
  Communicator browser(executor, consumer<EchoOfAll>(), {"/"});
  REQUIRE(browser.connect());
  browser.say("");
  CHECK(browser.hear() == "");
  browser.say_binary("");
  CHECK(browser.hear_binary() == "");
  browser.say_binary(std::string_view("\0\xff", 2));
  CHECK(browser.hear_binary() == std::string_view("\0\xff", 2));
  CHECK(browser.hear_nothing());
}

TEST_CASE("a consumer's changes to an event are not seen by the next", "[consumer][DI-11]") {
  Story story;
  story.static_groups = {"lobby"};
  auto ada = story.browser("connect=accept"), ben = story.browser("connect=accept");
  REQUIRE(ada.connect());
  REQUIRE(ben.connect());
  const Event event = story.order("send hello");
  const std::string before(event.text().view());
  story.publish("lobby", event);
  CHECK(ada.hear() == "hello");
  CHECK(ben.hear() == "hello");
  CHECK(event.text().view() == before);
}
