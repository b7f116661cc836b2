// SPDX-License-Identifier: MIT
// What happens to a consumer from its handshake to its end.
#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

TEST_CASE("a channel is open and the static groups are joined before connect runs", "[consumer][LC-1][LC-25]") {
  Story story;
  story.static_groups = {"a", "b"};
  Communicator browser = story.browser("connect=accept; name; publish a 1");
  REQUIRE(browser.connect());
  CHECK(story.layer.take_transcript().starts_with("open_channel\ngroup_add a\ngroup_add b\ngroup_send a"));
  CHECK_THAT(browser.hear(), ContainsSubstring("!"));
  CHECK(browser.hear() == "1");
}

TEST_CASE("on the way out the groups are left first, then disconnect runs, then the consumer goes",
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

TEST_CASE("static groups without a layer are a mistake that is told", "[consumer][LC-2]") {
  Story story;
  story.static_groups = {"a"};
  Communicator browser(story.executor, consumer<Obedient>(&story), {"/"});
  CHECK(browser.connect().http_status == 500);
  CHECK_THAT(story.errors, ContainsSubstring("its host has no channel layer"));
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
  CHECK_THAT(story.errors, ContainsSubstring("the host has no channel layer"));
}

TEST_CASE("two hosts with two layers are two worlds", "[consumer][LC-24]") {
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

namespace {
class Silent : public Consumer {};
}  // namespace

TEST_CASE("the default consumer accepts and ignores what it hears", "[consumer][LC-3]") {
  ManualExecutor executor;
  Communicator browser(executor, consumer<Silent>(), {"/"});
  REQUIRE(browser.connect());
  browser.say("anybody?");
  browser.say_binary("?");
  CHECK(browser.hear_nothing());
  browser.disconnect();
  CHECK(browser.finished());
}

TEST_CASE("how a handshake can be answered", "[consumer][LC-4][LC-5][LC-6][LC-7][LC-9][LC-14]") {
  struct Row {
    const char* connect;
    const char* heard;
    const char* told;
  };
  const Row row = GENERATE(values<Row>({
      {"accept", "accept", "connect"},
      {"deny 403", "deny 403", "connect; disconnect 1006; gone"},
      {"deny 418", "deny 418", "connect; disconnect 1006; gone"},
      {"close", "deny 403", "connect; disconnect 1006; gone"},
      {"close 4001 bye", "deny 403", "connect; disconnect 1006; gone"},
      {"deny 401; accept; send hello; deny 402; close", "deny 401", "connect; disconnect 1006; gone"},
      {"deny 299", "deny 500", "connect; cut off; disconnect 1006; gone"},
      {"throw oops", "deny 500", "connect; cut off; disconnect 1006; gone"},
      {"send early", "deny 500", "connect; cut off; disconnect 1006; gone"},
      {"close 1", "deny 500", "connect; cut off; disconnect 1006; gone"},
      {"accept zzz", "deny 500", "connect; cut off; disconnect 1006; gone"},
      {"accept; close 4001 bye", "accept\nclose 4001 bye", "connect; disconnect 4001 bye; gone"},
      {"accept; throw oops", "accept\nclose 1011 internal error",
       "connect; cut off; disconnect 1011 internal error; gone"},
      {"accept; accept", "accept\nclose 1011 internal error", "connect; cut off; disconnect 1011 internal error; gone"},
      {"accept; deny 403", "accept\nclose 1011 internal error",
       "connect; cut off; disconnect 1011 internal error; gone"},
      {"accept; send a; close; send b; close 4000", "accept\ntext: a\nclose 1000", "connect; disconnect 1000; gone"},
  }));
  CAPTURE(row.connect);
  Story story;
  story.static_groups = {"a"};
  Communicator browser = story.browser("connect=" + std::string(row.connect));
  browser.knock();
  CHECK(browser.hear_all() == row.heard);
  CHECK(story.told() == row.told);
  CHECK(browser.finished() == std::string_view(row.told).ends_with("gone"));
  CHECK(story.layer_is_empty() == browser.finished());
}

TEST_CASE("a handshake that is neither accepted nor refused stays open until the transport gives up",
          "[consumer][LC-8]") {
  Story story;
  Communicator browser = story.browser("connect=note thinking");
  CHECK_FALSE(browser.knock());
  browser.vanish();
  CHECK(story.told() == "connect; note thinking; disconnect 1006; gone");
  CHECK(story.layer_is_empty());
}

TEST_CASE("accept chooses one of the offered subprotocols, or none", "[consumer][LC-10]") {
  const auto connect = [](std::string chosen) {
    Story story;
    Communicator browser(story.executor, *story.host,
                         {.target = "/?connect=accept " + chosen, .subprotocols = {"a", "b"}});
    const Opened opened = browser.connect();
    return std::to_string(opened.http_status) + " " + opened.subprotocol;
  };
  CHECK(connect("b") == "101 b");
  CHECK(connect("") == "101 ");
  CHECK(connect("zzz") == "500 ");
}

namespace {
class WithHeaders : public Consumer {
  Task<> connect() override {
    accept(Acceptance("", {{"x-a", "1"}}));
    return {};
  }
};
class Teapot : public Consumer {
  Task<> connect() override {
    deny(Denial(418, "short and stout", {{"x-b", "2"}}));
    return {};
  }
};
}  // namespace

TEST_CASE("accept and deny carry headers, deny a body as well", "[consumer][LC-5][LC-11]") {
  ManualExecutor executor;
  using Headers = std::vector<std::pair<std::string, std::string>>;
  CHECK(Communicator(executor, consumer<WithHeaders>(), {"/"}).connect().headers == Headers{{"x-a", "1"}});
  const Opened refused = Communicator(executor, consumer<Teapot>(), {"/"}).connect();
  CHECK(refused.http_status == 418);
  CHECK(refused.body == "short and stout");
  CHECK(refused.headers == Headers{{"x-b", "2"}});
}

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

TEST_CASE("what is sent after a close is dropped and counted, and disconnect still comes", "[consumer][LC-16]") {
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

TEST_CASE("disconnect is told how it ended", "[consumer][LC-21]") {
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

TEST_CASE("what the client said before it closed is handled first", "[consumer][LC-21]") {
  Story story;
  Communicator browser = story.browser();
  REQUIRE(browser.connect());
  for (const char* text : {"wait a", "note b", "note c"}) browser.connection().say(Message::text(text));
  browser.disconnect(CloseReason(4000));
  story.open("a");
  CHECK(story.told() == "connect; hear wait a; hear note b; note b; hear note c; note c; disconnect 4000; gone");
}

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

TEST_CASE("an application that makes no consumer is answered with 500", "[consumer][LC-7]") {
  Story story;
  const auto nothing = application([](const Scope&) { return std::unique_ptr<Consumer>(); });
  CHECK(Communicator(story.executor, nothing, {"/"}).connect().http_status == 500);
  CHECK_THAT(story.errors, ContainsSubstring("made no consumer"));
  CHECK_THROWS_AS(application(nullptr), std::invalid_argument);
  CHECK_THROWS_AS(Host(nullptr), std::invalid_argument);
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

TEST_CASE("a handler that waits is let finish within the grace", "[consumer][LC-27]") {
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
  CHECK_THAT(story.errors, ContainsSubstring("destroyed"));
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

TEST_CASE("limits that no consumer could live with are refused", "[consumer]") {
  const auto host_with = [](Limits limits) { Host host(consumer<Silent>(), {.limits = limits}); };
  CHECK_THROWS_WITH(host_with({.client_mail = 0}), ContainsSubstring("client_mail"));
  CHECK_THROWS_WITH(host_with({.disconnect_grace = -1ms}), ContainsSubstring("disconnect_grace"));
  CHECK_THROWS_WITH(host_with({.disconnect_grace = std::chrono::milliseconds::max()}),
                    ContainsSubstring("disconnect_grace"));
  host_with({.disconnect_grace = 12 * 24h});
}

namespace {
class TooEarly : public Consumer {
 public:
  TooEarly() { (void)scope(); }
};
}  // namespace

TEST_CASE("a consumer's constructor has no connection yet, and is told so", "[consumer]") {
  Story story;
  Communicator browser(story.executor, consumer<TooEarly>(), story.layer, {"/"});
  CHECK(browser.connect().http_status == 500);
  CHECK_THAT(story.errors, ContainsSubstring("a consumer has no connection before connect()"));
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

TEST_CASE("the client leaves before anything has run", "[consumer]") {
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

TEST_CASE("the client leaves while connect waits", "[consumer][LC-27]") {
  Story story;
  Communicator browser = story.browser("connect=wait a; accept; join g");
  CHECK_FALSE(browser.knock());
  browser.vanish();
  story.open("a");
  CHECK(story.told() == "connect; channel_closed; disconnect 1006; gone");
  CHECK(browser.hear_all() == "");
  CHECK(story.layer_is_empty());
}

TEST_CASE("the client leaves while its channel is opened or its groups are joined", "[consumer][LC-1][LC-27]") {
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

TEST_CASE("a layer that fails during the handshake refuses it", "[consumer][DI-10]") {
  const std::size_t nth = GENERATE(1U, 2U, 3U);
  Story story;
  story.static_groups = {"a", "b"};
  story.layer.fail(nth);
  Communicator browser = story.browser();
  CHECK(browser.connect().http_status == 500);
  CHECK_THAT(story.errors, ContainsSubstring("layer_unavailable"));
  CHECK(story.told() == "gone");
  CHECK(story.layer_is_empty());
}

namespace {

// Says goodbye from every destructor that it has.
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

TEST_CASE("an executor that ends takes its connections along, wherever they are", "[consumer]") {
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

TEST_CASE("goodbyes of a consumer that goes the ordinary way are dropped", "[consumer][LC-16]") {
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

TEST_CASE("a consumer that ends closes its socket with 1000", "[consumer][LC-22]") {
  Story story;
  auto browser = story.browser("connect=accept");
  REQUIRE(browser.connect());
  browser.say("close");
  CHECK(browser.hear_close() == CloseReason(1000));
  CHECK(browser.finished());
}

TEST_CASE("any origin may connect unless an origin check stands in front", "[consumer][SC-14]") {
  ManualExecutor executor;
  Communicator browser(executor, consumer<EchoOfAll>(),
                       {.target = "/", .headers = {{"origin", "https://elsewhere.example"}}});
  CHECK(browser.connect());
}

TEST_CASE("what one consumer makes of an event is not seen by the next", "[consumer][DI-11]") {
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

TEST_CASE("headers are kept, or let go of once connect has finished", "[consumer][SC-1]") {
  static std::size_t at_connect, later;
  class Counter : public Consumer {
   public:
    Task<> connect() override {
      at_connect = scope().headers().size();
      accept();
      return {};
    }
    Task<> receive(const Message&) override {
      later = scope().headers().size();
      return {};
    }
  };
  const bool keep = GENERATE(true, false);
  ManualExecutor executor;
  HostOptions options;
  options.keep_headers = keep;
  Communicator browser(executor, consumer<Counter>(), {.target = "/", .headers = {{"x-name", "ada"}}}, options);
  REQUIRE(browser.connect());
  browser.say("now");
  CHECK(at_connect == 1);
  CHECK(later == (keep ? 1 : 0));
}
