// SPDX-License-Identifier: MIT
// How a handshake is answered, by the consumer or for it.
#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace std::chrono_literals;
using namespace sluice::testing;
using Catch::Matchers::ContainsSubstring;

namespace {
class Silent : public Consumer {};
}  // namespace

TEST_CASE("the default consumer accepts and ignores all messages", "[consumer][LC-3]") {
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

TEST_CASE("an application that makes no consumer is answered with 500", "[consumer][LC-7]") {
  Story story;
  const auto nothing = application([](const Scope&) { return std::unique_ptr<Consumer>(); });
  CHECK(Communicator(story.executor, nothing, {"/"}).connect().http_status == 500);
  CHECK_THAT(story.errors.text(), ContainsSubstring("made no consumer"));
  CHECK_THROWS_AS(application(nullptr), std::invalid_argument);
  CHECK_THROWS_AS(Host(nullptr), std::invalid_argument);
}

TEST_CASE("static groups without a layer throw with a message", "[consumer][LC-2]") {
  Story story;
  story.static_groups = {"a"};
  Communicator browser(story.executor, consumer<Obedient>(&story), {"/"});
  CHECK(browser.connect().http_status == 500);
  CHECK_THAT(story.errors.text(), ContainsSubstring("its host has no channel layer"));
}

TEST_CASE("a layer that fails during the handshake refuses it", "[consumer][DI-10]") {
  const std::size_t nth = GENERATE(1U, 2U, 3U);
  Story story;
  story.static_groups = {"a", "b"};
  story.layer.fail(nth);
  Communicator browser = story.browser();
  CHECK(browser.connect().http_status == 500);
  CHECK_THAT(story.errors.text(), ContainsSubstring("layer_unavailable"));
  CHECK(story.told() == "gone");
  CHECK(story.layer_is_empty());
}

TEST_CASE("any origin may connect unless there is an origin check", "[consumer][SC-14]") {
  ManualExecutor executor;
  Communicator browser(executor, consumer<Silent>(),
                       {.target = "/", .headers = {{"origin", "https://elsewhere.example"}}});
  CHECK(browser.connect());
}

TEST_CASE("headers are kept, or released once connect() has finished", "[consumer][SC-1]") {
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

TEST_CASE("limits under which no consumer could work are refused", "[consumer]") {
  const auto host_with = [](ConsumerLimits limits) { Host host(consumer<Silent>(), {.limits = limits}); };
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

TEST_CASE("a consumer that uses its connection in its constructor gets an exception", "[consumer]") {
  Story story;
  Communicator browser(story.executor, consumer<TooEarly>(), story.layer, {"/"});
  CHECK(browser.connect().http_status == 500);
  CHECK_THAT(story.errors.text(), ContainsSubstring("a consumer has no connection before connect()"));
}
