// SPDX-License-Identifier: MIT
// Handlers that throw: what the client receives, what is logged, and that nothing is left behind.
#include <algorithm>

#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
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
  CHECK_THAT(story.errors.text(),
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

TEST_CASE("handlers that are plain functions may throw anything", "[consumer][LC-23]") {
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
    errors += story.errors.text().substr(story.errors.text().find("]: ") + 3);
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
  CHECK_THAT(story.errors.text(), StartsWith("\"/a%0Aforged\" ["));
}

namespace {

struct Wordless : std::exception {
  const char* what() const noexcept override { return nullptr; }
};

class Failing : public Consumer {
 public:
  Task<> receive(const Message& message) override {
    if (message.data() == "wordless") throw Wordless();
    throw std::runtime_error(std::string(message.data()));
  }
};
class OtherFailing : public Failing {};

}  // namespace

TEST_CASE("an exception without a text is logged as such", "[consumer][LC-23]") {
  Story story;
  Communicator browser(story.executor, consumer<Failing>(), story.layer, {"/"});
  REQUIRE(browser.connect());
  browser.say("wordless");
  CHECK(browser.hear_close().code() == 1011);
  CHECK_THAT(story.errors.text(), EndsWith("receive() threw: an exception whose what() is null\n"));
}

TEST_CASE("handlers that always throw do not flood the log, nor hide other lines", "[consumer][LC-23]") {
  Story story;
  const std::string path = "/" + std::string(2'000, 'p');
  const auto fail = [&](std::shared_ptr<Application> application) {
    Communicator browser(story.executor, std::move(application), story.layer, {path});
    REQUIRE(browser.connect());
    browser.say(std::string(2'000, 'x'));
    CHECK(browser.hear_close().code() == 1011);
  };
  for (int i = 0; i < 100; ++i) fail(consumer<Failing>());
  CHECK(story.errors.size() == 5);
  CHECK(story.errors.text().size() < 5 * (max_log_line_bytes + 30));
  fail(consumer<OtherFailing>());
  CHECK(story.errors.size() == 6);
  story.executor.advance(10s);
  story.errors.clear();
  fail(consumer<Failing>());
  CHECK(story.errors.size() == 1);
}
