// SPDX-License-Identifier: MIT
// What a host reports to its observers: connections, handlers, and mail that is dropped.
#include <fmt/format.h>

#include <stdexcept>

#include "consumer/support/story.hpp"
#include "sluice/consumer/host_observer.hpp"
#include "sluice/consumer/host_times.hpp"
#include "sluice/consumer/router.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

std::int64_t ms(std::chrono::nanoseconds time) { return time / 1ms; }

/// Writes each call as a line.
class Transcript final : public HostObserver {
 public:
  void opened(const ObservedConnection& connection) override { line(connection, "opened"); }
  void accepted(const ObservedConnection& connection, std::chrono::nanoseconds after) override {
    line(connection, fmt::format("accepted after {} ms", ms(after)));
  }
  void denied(const ObservedConnection& connection, int status) override {
    line(connection, fmt::format("denied {}", status));
  }
  void closed(const ObservedConnection& connection, const ConnectionEnd& end) override {
    line(connection, fmt::format("closed {} {} by {} after {} ms", end.reason.code(), end.reason.text(),
                                 to_string(end.by), ms(end.duration)));
  }
  void handler_begun(const ObservedConnection& connection, const HandlerCall& call) override {
    line(connection, fmt::format("{} {} begins, waited {} ms", to_string(call.kind), call.name, ms(call.waited)));
  }
  void handler_ended(const ObservedConnection& connection, const HandlerCall& call,
                     const HandlerResult& result) override {
    line(connection,
         fmt::format("{} ends after {} ms{}{}{}", call.name, ms(result.duration), result.error.empty() ? "" : ": ",
                     result.error, result.destroyed ? ", destroyed" : ""));
  }
  void mail_dropped(MailDrop cause, std::uint64_t count) override {
    lines += fmt::format("dropped {}: {}\n", count, to_string(cause));
  }

  std::string take() { return std::exchange(lines, {}); }
  std::string lines;

 private:
  void line(const ObservedConnection& connection, std::string_view what) {
    lines += fmt::format("{} {}\n", connection.id, what);
  }
};

class Throws final : public HostObserver {
 public:
  void opened(const ObservedConnection&) override { throw std::runtime_error("an observer's own trouble"); }
  void handler_ended(const ObservedConnection&, const HandlerCall&, const HandlerResult&) override { throw 1; }
  void closed(const ObservedConnection&, const ConnectionEnd&) override { throw std::runtime_error("again"); }
};

struct Watched {
  explicit Watched(HostOptions options = {}, ChannelLayerOptions layer = {}) : story(with(options), layer) {}
  HostOptions with(HostOptions options) {
    options.observers.push_back(observer);
    return options;
  }

  std::shared_ptr<Transcript> observer = std::make_shared<Transcript>();
  Story story;
};

}  // namespace

TEST_CASE("observers see a connection and its handlers in their order", "[consumer]") {
  Watched world;
  Communicator browser = world.story.browser("connect=accept; join a");
  REQUIRE(browser.connect());
  browser.say("send hello");
  world.story.publish("a", Story::order("note event"));
  world.story.executor.advance(3s);
  browser.disconnect(CloseReason(4001, "bye"));
  CHECK(world.observer->take() ==
        "1 opened\n"
        "1 connect connect begins, waited 0 ms\n"
        "1 accepted after 0 ms\n"
        "1 connect ends after 0 ms\n"
        "1 receive receive begins, waited 0 ms\n"
        "1 receive ends after 0 ms\n"
        "1 event ordered begins, waited 0 ms\n"
        "1 ordered ends after 0 ms\n"
        "1 disconnect disconnect begins, waited 0 ms\n"
        "1 disconnect ends after 0 ms\n"
        "1 closed 4001 bye by transport after 3000 ms\n");
}

TEST_CASE("a handler's time holds its suspension, and mail behind it reports how long it waited", "[consumer]") {
  Watched world;
  Communicator browser = world.story.browser("connect=accept; join a");
  REQUIRE(browser.connect());
  world.observer->take();
  browser.say("wait gate");
  world.story.publish("a", Story::order("note next"));
  world.story.executor.advance(70ms);
  world.story.open("gate");
  CHECK(world.observer->take() ==
        "1 receive receive begins, waited 0 ms\n"
        "1 receive ends after 70 ms\n"
        "1 event ordered begins, waited 70 ms\n"
        "1 ordered ends after 0 ms\n");
}

TEST_CASE("observers see who ended a connection", "[consumer]") {
  Watched world;
  const auto end_of = [&](std::string_view query, auto and_then) {
    Communicator browser = world.story.browser(query);
    browser.knock();
    and_then(browser);
    world.story.executor.run_all();
    const std::string all = world.observer->take();
    const std::size_t begin = all.find("denied") != all.npos ? all.find("denied") : all.find("closed");
    return all.substr(begin);
  };
  CHECK(end_of("", [](Communicator& browser) { browser.say("close 4000 enough"); }) ==
        "closed 4000 enough by consumer after 0 ms\n");
  CHECK(end_of("", [](Communicator& browser) { browser.vanish(); }) == "closed 1006  by transport after 0 ms\n");
  CHECK_THAT(end_of("", [](Communicator& browser) { browser.stop_server(); }),
             ContainsSubstring("closed 1012  by stop"));
  CHECK_THAT(end_of("", [](Communicator& browser) { browser.say("throw dice"); }),
             ContainsSubstring("closed 1011 internal error by host"));
  CHECK_THAT(end_of("connect=deny 451", [](Communicator&) {}),
             ContainsSubstring("denied 451") && ContainsSubstring("closed 1006  by consumer"));
  CHECK_THAT(end_of("connect=close", [](Communicator&) {}),
             ContainsSubstring("denied 403") && ContainsSubstring("by consumer"));
}

TEST_CASE("a path without a route is denied by the host", "[consumer]") {
  auto observer = std::make_shared<Transcript>();
  ManualExecutor executor;
  const test::LogCapture quiet;
  Host host(std::make_shared<Router>(), {.observers = {observer}});
  Communicator browser(executor, host, {"/nowhere"});
  CHECK_FALSE(browser.connect());
  CHECK(observer->take() ==
        "1 opened\n1 connect connect begins, waited 0 ms\n1 denied 404\n1 connect ends after 0 ms\n"
        "1 closed 1006  by host after 0 ms\n");
}

TEST_CASE("a handler that throws ends with the text of its exception", "[consumer]") {
  Watched world;
  Communicator browser = world.story.browser();
  REQUIRE(browser.connect());
  world.observer->take();
  browser.say("throw a glass");
  CHECK_THAT(world.observer->take(), ContainsSubstring("receive ends after 0 ms: a glass\n"));
}

TEST_CASE("a handler that is destroyed ends as destroyed, and its connection closes after it", "[consumer]") {
  Watched world;
  Communicator browser = world.story.browser();
  REQUIRE(browser.connect());
  world.observer->take();
  browser.say("wait for ever");
  browser.disconnect();
  world.story.executor.advance(ConsumerLimits().disconnect_grace);
  CHECK(world.observer->take() ==
        "1 receive receive begins, waited 0 ms\n"
        "1 receive ends after 10000 ms, destroyed\n"
        "1 disconnect disconnect begins, waited 10000 ms\n"
        "1 disconnect ends after 0 ms\n"
        "1 closed 1000  by transport after 0 ms\n");
}

TEST_CASE("a connection that outlives its executor is reported as closed by the host", "[consumer]") {
  auto observer = std::make_shared<Transcript>();
  {
    Watched world;
    world.observer->take();
    observer = world.observer;
    auto connection = std::make_shared<RecordingConnection>(world.story.executor);
    world.story.executor.run([&] { connection->open(*world.story.host, Scope()); });
    world.story.executor.run_all();
  }
  CHECK_THAT(observer->take(), ContainsSubstring("1 closed 1006  by host after 0 ms\n"));
}

TEST_CASE("observers see dropped mail with its cause, as the counters count it", "[consumer]") {
  Watched world({.mailbox_overflow = MailboxOverflow::drop_newest}, {.capacity = 2});
  Communicator browser = world.story.browser("connect=accept; join a");
  REQUIRE(browser.connect());
  browser.say("wait gate");
  for (int i = 0; i < 5; ++i) world.story.publish("a", Story::order("note event"));
  CHECK_THAT(world.observer->take(), ContainsSubstring("dropped 1: mailbox_full\ndropped 1: mailbox_full\n"));
  CHECK(world.story.stats().mailbox_overflows == 3);
  world.story.open("gate");
  browser.say("close; send too late");
  CHECK_THAT(world.observer->take(), ContainsSubstring("dropped 1: sent_after_close\n"));
  CHECK(world.story.stats().sends_after_close == 1);
}

TEST_CASE("an exception of an observer is logged, and affects neither its connection nor the next observer",
          "[consumer]") {
  auto next = std::make_shared<Transcript>();
  Story story({.observers = {std::make_shared<Throws>(), nullptr, next}});
  Communicator browser = story.browser();
  REQUIRE(browser.connect());
  browser.say("send hello");
  CHECK(browser.hear() == "hello");
  browser.disconnect();
  CHECK(browser.finished());
  CHECK(story.stats().failed_handlers == 0);
  CHECK_THAT(next->take(), ContainsSubstring("1 opened\n") && ContainsSubstring("1 closed 1000"));
  CHECK_THAT(story.errors.text(), ContainsSubstring("an observer threw: an observer's own trouble"));
}

TEST_CASE("an observer keeps objects of its own in the scope of a connection", "[consumer]") {
  struct Span {
    int handlers = 0;
  };
  class Spans final : public HostObserver {
   public:
    void opened(const ObservedConnection& connection) override { connection.scope.put(Span()); }
    void handler_begun(const ObservedConnection& connection, const HandlerCall&) override {
      ++connection.scope.find<Span>()->handlers;
    }
    void closed(const ObservedConnection& connection, const ConnectionEnd&) override {
      last = connection.scope.find<Span>()->handlers;
    }
    int last = 0;
  };
  const auto spans = std::make_shared<Spans>();
  Story story({.observers = {spans}});
  Communicator browser = story.browser();
  REQUIRE(browser.connect());
  browser.say("note one");
  browser.say("note two");
  browser.disconnect();
  CHECK(spans->last == 4);  // connect, two messages, disconnect
}

TEST_CASE("the times of handlers and of waiting mail are written as histograms", "[consumer]") {
  const auto times = std::make_shared<HostTimes>();
  Story story({.observers = {times}});
  Communicator browser = story.browser("connect=accept; join a");
  REQUIRE(browser.connect());
  browser.say("wait gate");
  story.publish("a", Story::order("note next"));
  story.executor.advance(70ms);
  story.open("gate");
  const std::string text = MetricsText().add(*times).str();
  CHECK_THAT(text, ContainsSubstring("sluice_host_handler_seconds_bucket{handler=\"receive\",le=\"0.03\"} 0\n"));
  CHECK_THAT(text, ContainsSubstring("sluice_host_handler_seconds_bucket{handler=\"receive\",le=\"0.1\"} 1\n"));
  CHECK_THAT(text, ContainsSubstring("sluice_host_handler_seconds_count{handler=\"event\"} 1\n"));
  CHECK_THAT(text, ContainsSubstring("sluice_host_handler_seconds_count{handler=\"connect\"} 1\n"));
  CHECK_THAT(text, ContainsSubstring("sluice_host_mailbox_wait_seconds_bucket{le=\"1e-05\"} 1\n"));
  CHECK_THAT(text, ContainsSubstring("sluice_host_mailbox_wait_seconds_count 2\n"));
  CHECK_THAT(text, ContainsSubstring("sluice_host_mailbox_wait_seconds_sum 0.07\n"));
}

TEST_CASE("a host whose consumers hold nearly as much as they may says so", "[consumer]") {
  Story story({.limits = {.server_held_bytes = 100'000}});
  Communicator browser = story.browser();
  REQUIRE(browser.connect());
  CHECK(story.host->problems().empty());
  browser.say("wait gate; note " + std::string(93'000, 'x'));
  const std::vector<Problem> problems = story.host->problems();
  REQUIRE(problems.size() == 1);
  CHECK(problems.front().part == "host");
  CHECK(problems.front().cause == "server_held_bytes");
  story.open("gate");
  CHECK(story.host->problems().empty());
}
