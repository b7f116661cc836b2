// SPDX-License-Identifier: MIT
#include "sluice/testing/communicator.hpp"

#include "sluice/core/worker_pool.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

// Obeys its messages, word by word.
class Parrot : public Consumer {
 public:
  Task<> connect() override {
    if (scope().path() == "/private/") {
      deny(Denial(401, "who are you?", {{"www-authenticate", "Bearer"}}));
    } else if (scope().path() != "/silent/") {
      const auto offers = scope().subprotocols();
      accept(Acceptance(offers.empty() ? std::string() : std::string(offers.front()), {{"x-served-by", "parrot"}}));
    }
    return {};
  }
  Task<> receive(const Message& message) override {
    if (message.is_binary()) {
      send_binary(message.data());
    } else if (message.data() == "close") {
      close(CloseReason(4001, "as you said"));
    } else if (message.data() == "query") {
      send_text(scope().query_string());
    } else if (message.data() == "path") {
      send_text(scope().path());
    } else if (message.data() == "header") {
      send_text(scope().header("x-name").value_or("none"));
    } else if (message.data() != "quiet") {
      send_text(message.data());
    }
    return {};
  }
};

// Answers when a thread of a pool has thought about it.
class Slow : public Consumer {
 public:
  explicit Slow(WorkerPool* pool) : pool_(pool) {}
  Task<> receive(const Message& message) override {
    auto thought = pool_->run([said = std::string(message.data())] {
      std::this_thread::sleep_for(5ms);
      return said + "!";
    });
    send_text(co_await thought);
  }

 private:
  WorkerPool* pool_;
};

}  // namespace

TEST_CASE("a communicator connects, sends, receives and disconnects", "[testing][TH-1]") {
  ManualExecutor executor;
  Communicator browser(executor, consumer<Parrot>(), {"/"});
  const Opened opened = browser.connect();
  CHECK(opened.accepted);
  CHECK(opened.http_status == 101);
  CHECK(opened.headers == std::vector<std::pair<std::string, std::string>>{{"x-served-by", "parrot"}});
  browser.say("hello");
  CHECK(browser.hear() == "hello");
  browser.say_binary(std::string_view("\0\1", 2));
  CHECK(browser.hear_binary() == std::string_view("\0\1", 2));
  browser.say_json(std::vector<int>{1, 2});
  CHECK(browser.hear_json().root().at(1).as_int() == 2);
  CHECK(browser.hear_nothing());
  CHECK_FALSE(browser.finished());
  browser.disconnect();
  CHECK(browser.finished());
  CHECK(browser.host().stats().connections == 0);
}

TEST_CASE("a refused handshake is no exception", "[testing][TH-1][LC-6]") {
  ManualExecutor executor;
  Communicator browser(executor, consumer<Parrot>(), {"/private/"});
  const Opened opened = browser.connect();
  CHECK_FALSE(opened);
  CHECK(opened.http_status == 401);
  CHECK(opened.body == "who are you?");
  CHECK(opened.headers.size() == 1);
  CHECK(browser.finished());
}

TEST_CASE("a communicator sends the request that it was given", "[testing][SC-1]") {
  ManualExecutor executor;
  Communicator browser(
      executor, consumer<Parrot>(),
      {.target = "/%E9%A6%96/?foo=%41", .headers = {{"X-Name", "ada"}}, .subprotocols = {"chat", "b"}});
  CHECK(browser.connect().subprotocol == "chat");
  browser.say("path");
  CHECK(browser.hear() == "/\xE9\xA6\x96/");
  browser.say("query");
  CHECK(browser.hear() == "foo=%41");
  browser.say("header");
  CHECK(browser.hear() == "ada");
}

TEST_CASE("an expected message that does not arrive is reported, with what arrived instead",
          "[testing][TH-1][TH-2][TH-3]") {
  ManualExecutor executor;
  Communicator browser(executor, consumer<Parrot>(), {"/"});
  browser.set_patience(0ms);
  CHECK_THROWS_WITH(browser.hear(), "hear: nothing was said, because connect() was not called");
  REQUIRE(browser.connect());
  CHECK_THROWS_WITH(browser.hear(),
                    "hear: nothing comes; every job has run, and 0 timer(s) wait for executor.advance()");
  browser.say("hello");
  CHECK_FALSE(browser.hear_nothing());
  CHECK_THROWS_WITH(browser.hear_binary(), "hear_binary: next comes `text: hello`");
  CHECK_THROWS_WITH(browser.hear_close(), "hear_close: next comes `text: hello`");
  CHECK(browser.hear() == "hello");
  browser.say("{oops");
  CHECK_THROWS_WITH(browser.hear_json(), ContainsSubstring("parse_failed") && ContainsSubstring("{oops"));
  browser.say("close");
  CHECK_THROWS_WITH(browser.hear(), "hear: next comes `close 4001 as you said`");
  CHECK(browser.hear_close() == CloseReason(4001, "as you said"));
  CHECK_THROWS_WITH(browser.hear(), "hear: nothing comes any more, the connection has ended");
  CHECK_THROWS_AS(browser.hear(), NotHeard);
}

TEST_CASE("a handshake may stay open", "[testing][LC-8]") {
  ManualExecutor executor;
  Communicator browser(executor, consumer<Parrot>(), {"/silent/"});
  CHECK_FALSE(browser.knock());
  browser.set_patience(0ms);
  CHECK_THROWS_WITH(browser.connect(), ContainsSubstring("connect: nothing comes"));
  browser.vanish();
  CHECK(browser.finished());
}

TEST_CASE("all received messages are one transcript", "[testing]") {
  ManualExecutor executor;
  Communicator browser(executor, consumer<Parrot>(), {"/"});
  browser.knock();
  browser.say("a");
  browser.say("close");
  CHECK(browser.hear_all() == "accept x-served-by=parrot\ntext: a\nclose 4001 as you said");
  CHECK(browser.hear_all() == "");
}

TEST_CASE("hear() waits for other threads", "[testing][LC-26]") {
  ManualExecutor executor;
  WorkerPool pool(1);
  Communicator browser(executor, consumer<Slow>(&pool), {"/"});
  browser.set_patience(20s);
  REQUIRE(browser.connect());
  browser.say("hm");
  CHECK(browser.hear() == "hm!");
}

TEST_CASE("several communicators share a gateway, on executors of their own", "[testing][SC-2]") {
  ManualExecutors executors(2);
  Host host(consumer<Parrot>());
  Communicator ann(executors.at(0), host, {"/ann/"});
  Communicator bob(executors.at(1), host, {"/bob/"});
  REQUIRE(ann.connect());
  REQUIRE(bob.connect());
  ann.say("path");
  bob.say("path");
  CHECK(bob.hear() == "/bob/");
  CHECK(ann.hear() == "/ann/");
  CHECK_THROWS_AS(ann.host(), std::logic_error);
  CHECK(host.stats().connections == 2);
}

TEST_CASE("a destroyed communicator ends its connection", "[testing]") {
  ManualExecutor executor;
  Host host(consumer<Parrot>());
  {
    Communicator browser(executor, host, {"/"});
    REQUIRE(browser.connect());
    CHECK(host.stats().connections == 1);
  }
  CHECK(host.stats().connections == 0);
}
