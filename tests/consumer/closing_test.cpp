// SPDX-License-Identifier: MIT
// The orderly end of a connection, and what both sides receive.
#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using namespace std::chrono_literals;

TEST_CASE("close codes and reasons as they go out and come back", "[consumer][LC-12][LC-13][LC-14]") {
  const auto close = [](std::string how) {
    Story story;
    Communicator browser = story.browser();
    browser.connect();
    browser.say("send last; close " + how);
    return browser.hear_all();
  };
  CHECK(close("") == "text: last\nclose 1000");
  CHECK(close("1000") == "text: last\nclose 1000");
  CHECK(close("4321 see you") == "text: last\nclose 4321 see you");
  CHECK(close("3000") == "text: last\nclose 3000");
  const int bad = GENERATE(0, 1, 999, 1004, 1005, 1006, 1015, 2999, 5000);
  CHECK(close(std::to_string(bad)) == "text: last\nclose 1011 internal error");
}

TEST_CASE("a close reason is limited to what fits a close frame", "[consumer][LC-14]") {
  const auto close = [](std::size_t bytes) {
    Story story;
    Communicator browser = story.browser();
    browser.connect();
    browser.say("close 4000 " + std::string(bytes, 'x'));
    return browser.hear_close().code();
  };
  CHECK(close(123) == 4000);
  CHECK(close(124) == 1011);
}

TEST_CASE("a consumer that ends closes its socket with 1000", "[consumer][LC-22]") {
  Story story;
  auto browser = story.browser("connect=accept");
  REQUIRE(browser.connect());
  browser.say("close");
  CHECK(browser.hear_close() == CloseReason(1000));
  CHECK(browser.finished());
}

TEST_CASE("messages after a close are dropped and counted, and disconnect() still runs", "[consumer][LC-16]") {
  Story story;
  Communicator browser = story.browser("connect=accept; join a&disconnect=send late; connected?");
  REQUIRE(browser.connect());
  browser.say("connected?; close 4001; send one; send two; connected?");
  CHECK(browser.hear_all() == "close 4001");
  CHECK(story.told() ==
        "connect; joined; hear connected?; close 4001; send one; send two; connected?; connected; not connected; "
        "disconnect 4001; not connected; gone");
  CHECK(story.stats().sends_after_close == 3);
}

TEST_CASE("a broadcast between a close and its end goes nowhere", "[consumer][LC-16]") {
  Story story;
  Communicator browser = story.browser("connect=accept; join a");
  REQUIRE(browser.connect());
  browser.say("publish a 1; close; publish a 2");
  CHECK(browser.hear_all() == "close 1000");
  CHECK(story.layer_is_empty());
}

TEST_CASE("disconnect() receives the code and the reason", "[consumer][LC-21]") {
  const auto told = [](auto end) {
    Story story;
    Communicator browser = story.browser();
    browser.connect();
    end(browser);
    return story.told();
  };
  const int code = GENERATE(1000, 1001, 4005, 1005);
  CHECK(told([&](Communicator& browser) { browser.disconnect(CloseReason(static_cast<std::uint16_t>(code))); }) ==
        "connect; disconnect " + std::to_string(code) + "; gone");
  CHECK(told([](Communicator& browser) { browser.disconnect(CloseReason(4000, "my reasons")); }) ==
        "connect; disconnect 4000 my reasons; gone");
  CHECK(told([](Communicator& browser) { browser.vanish(); }) == "connect; disconnect 1006; gone");
}

TEST_CASE("messages before a client's close are handled first", "[consumer][LC-21]") {
  Story story;
  Communicator browser = story.browser();
  REQUIRE(browser.connect());
  for (const char* text : {"wait a", "note b", "note c"}) browser.connection().say(Message::text(text));
  browser.disconnect(CloseReason(4000));
  story.open("a");
  CHECK(story.told() == "connect; hear wait a; hear note b; note b; hear note c; note c; disconnect 4000; gone");
}

TEST_CASE("at the end the groups are left first, then disconnect() runs, then the consumer is destroyed",
          "[consumer][LC-20]") {
  Story story;
  story.static_groups = {"a"};
  Communicator browser = story.browser("connect=accept; join b&disconnect=publish a 1; join c");
  REQUIRE(browser.connect());
  story.layer.take_transcript();
  browser.disconnect();
  CHECK(story.layer.take_transcript().starts_with("leave_groups\n"));
  CHECK(story.told() == "connect; joined; disconnect 1000; channel_closed; gone");
  CHECK(browser.finished());
  CHECK(story.layer_is_empty());
}

namespace {

// Sends messages from every destructor.
class Polite : public Consumer {
 public:
  explicit Polite(Story* story) : story_(*story) {}
  ~Polite() override { send_text("from the consumer"); }
  Task<> receive(const Message&) override {
    struct Farewell {
      Polite& consumer;
      ~Farewell() { consumer.send_text("from the handler"); }
    } farewell{*this};
    auto gate = story_.gate("never");
    co_await gate;
  }

 private:
  Story& story_;
};

}  // namespace

TEST_CASE("what disconnect() sends is dropped", "[consumer][LC-16]") {
  Story story;
  Communicator browser(story.executor, consumer<Polite>(&story), story.layer, {"/"});
  REQUIRE(browser.connect());
  browser.say("wait");
  browser.vanish();
  story.executor.advance(10s);
  CHECK(browser.finished());
  CHECK(browser.hear_all() == "");
  CHECK(browser.host().stats().sends_after_close == 2);
}

TEST_CASE("an executor that ends closes its connections, in whatever state they are", "[consumer]") {
  const bool waits = GENERATE(false, true);
  const bool half_closed = GENERATE(false, true);
  {
    Story story;
    Host host(consumer<Polite>(&story), story.layer);
    auto connection = std::make_shared<RecordingConnection>(story.executor);
    story.executor.run([&] { connection->open(host, Scope()); });
    story.executor.run_all();
    if (waits) connection->say(Message::text("wait"));
    story.executor.run_all();
    if (half_closed) connection->vanish();
  }
  SUCCEED("the sanitizers saw nothing");
}
