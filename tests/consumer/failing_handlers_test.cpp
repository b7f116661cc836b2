// SPDX-License-Identifier: MIT
// Handlers that throw: what the client hears, what the log says, and that nothing is left behind.
#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

TEST_CASE("an exception in any handler leaves nothing behind", "[consumer][LC-7][LC-23]") {
  const bool late = GENERATE(false, true);  // before or after the handler has waited for something
  const std::string oops = late ? "wait a; throw oops" : "throw oops";
  CAPTURE(late);
  Story story;
  story.static_groups = {"s"};
  std::string thrower;
  SECTION("connect, before accept") {
    thrower = "connect()";
    Communicator browser = story.browser("connect=join g; " + oops);
    browser.knock();
    story.open("a");
    CHECK(browser.hear_all() == "deny 500");
    CHECK(story.told() == "connect; joined; cut off; disconnect 1006; gone");
  }
  SECTION("connect, after accept") {
    thrower = "connect()";
    Communicator browser = story.browser("connect=accept; join g; " + oops);
    browser.knock();
    story.open("a");
    CHECK(browser.hear_all() == "accept\nclose 1011 internal error");
    CHECK(story.told() == "connect; joined; cut off; disconnect 1011 internal error; gone");
  }
  SECTION("receive") {
    thrower = "receive()";
    Communicator browser = story.browser("connect=accept; join g");
    browser.connect();
    browser.say(oops);
    story.open("a");
    CHECK(browser.hear_all() == "close 1011 internal error");
    CHECK(story.told() == "connect; joined; hear " + oops + "; cut off; disconnect 1011 internal error; gone");
  }
  SECTION("an event handler") {
    thrower = "the event \"";
    Communicator browser = story.browser("connect=accept; join g");
    browser.connect();
    story.publish("g", Story::order(oops));
    story.open("a");
    CHECK(browser.hear_all() == "close 1011 internal error");
    CHECK(story.told() == "connect; joined; event " + oops + "; cut off; disconnect 1011 internal error; gone");
  }
  SECTION("disconnect") {
    thrower = "disconnect()";
    Communicator browser = story.browser("connect=accept; join g&disconnect=" + oops);
    browser.connect();
    browser.disconnect();
    story.open("a");
    CHECK(browser.hear_all() == "");
    CHECK(story.told() == "connect; joined; disconnect 1000; cut off; gone");
  }
  CHECK(story.layer_is_empty());
  CHECK(story.stats().connections == 0);
  CHECK(story.stats().failed_handlers == 1);
  CHECK_THAT(story.errors,
             ContainsSubstring("/story/") && ContainsSubstring(" threw: oops") && ContainsSubstring("]: " + thrower));
}

namespace {

// Handlers that throw from plain functions, not from coroutines.
class Plain : public Consumer {
 public:
  explicit Plain(std::string where) : where_(std::move(where)) {
    if (where_ == "constructor") throw std::runtime_error("plain");
  }
  Task<> connect() override {
    accept();
    return fail_in("connect");
  }
  Task<> receive(const Message&) override { return fail_in("receive"); }
  Task<> disconnect(const CloseReason&) override { return fail_in("disconnect"); }

 private:
  Task<> fail_in(std::string_view here) const {
    if (here != where_) return {};
    if (here == "receive") throw 7;
    throw std::runtime_error("plain");
  }
  std::string where_;
};

}  // namespace

TEST_CASE("handlers that are plain functions may throw as well, anything", "[consumer][LC-23]") {
  std::string errors;
  const auto heard = [&](const char* where) {
    Story story;
    Communicator browser(story.executor, consumer<Plain>(std::string(where)), story.layer, {"/"});
    browser.knock();
    browser.say("hello");
    browser.disconnect();
    CHECK(story.layer_is_empty());
    CHECK(browser.finished());
    CHECK(browser.host().stats().failed_handlers == 1);
    errors += story.errors.substr(story.errors.find("]: ") + 3);
    return browser.hear_all();
  };
  CHECK(heard("constructor") == "deny 500");
  CHECK(heard("connect") == "accept\nclose 1011 internal error");
  CHECK(heard("receive") == "accept\nclose 1011 internal error");
  CHECK(heard("disconnect") == "accept");
  CHECK(errors ==
        "a middleware or the consumer's constructor threw: plain\n"
        "connect() threw: plain\n"
        "receive() threw: an exception that is no std::exception\n"
        "disconnect() threw: plain\n");
}

TEST_CASE("a path with a line break in it begins no line of the log", "[consumer]") {
  Story story;
  Communicator browser(story.executor, consumer<Plain>(std::string("connect")), story.layer, {"/a%0Aforged"});
  browser.knock();
  CHECK_THAT(story.errors, StartsWith("/a%0Aforged ["));
}
