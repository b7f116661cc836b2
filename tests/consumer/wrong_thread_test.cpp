// SPDX-License-Identifier: MIT
// A consumer that the application calls from a wrong thread: an error that throws.
#include <atomic>
#include <coroutine>
#include <stdexcept>
#include <thread>

#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using namespace std::chrono_literals;

namespace {

// Obeys a message in another thread, while its own waits, and sends the outcome.
class Strayer : public Consumer {
 public:
  Task<> receive(const Message& message) override {
    std::string thrown = "nothing";
    std::thread([&] {
      try {
        stray(message.data());
      } catch (const std::logic_error& error) {
        thrown = error.what();
      }
    }).join();
    send_text(thrown);
    return {};
  }

 private:
  void stray(std::string_view call) {
    if (call == "accept") accept();
    if (call == "deny") deny();
    if (call == "send") send_text("astray");
    if (call == "close") close();
    if (call == "group_add") (void)group_add("g");
    if (call == "group_add when slow") (void)group_add("g", WhenSlow::drop_oldest);
    if (call == "group_discard") (void)group_discard("g");
    if (call == "hear_later") hear_later({}, Event::named("tick"));
  }
};

// Where a handler waits for an awaitable of the user's own, which resumes it on a thread of its own.
struct Abroad {
  std::thread thread;
  std::atomic<bool> may_return{false};  // relaxed: it synchronises nothing
};

class Abduction {
 public:
  explicit Abduction(Abroad& abroad) : abroad_(abroad) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    abroad_.thread = std::thread([&may_return = abroad_.may_return, awaiting] {
      while (!may_return.load(std::memory_order_relaxed)) std::this_thread::yield();
      awaiting.resume();
    });
  }
  void await_resume() const noexcept {}

 private:
  Abroad& abroad_;
};

class Abducted : public Consumer {
 public:
  explicit Abducted(Abroad* abroad) : abroad_(*abroad) {}
  Task<> receive(const Message&) override {
    Abduction away(abroad_);
    co_await away;
    send_text("home again");
  }

 private:
  Abroad& abroad_;
};

}  // namespace

TEST_CASE("a handler that another thread resumes continues on its own executor", "[consumer]") {
  Story story;
  Abroad abroad;
  Communicator browser(story.executor, consumer<Abducted>(&abroad), story.layer, {"/"});
  REQUIRE(browser.connect());
  browser.say("go");
  abroad.may_return.store(true, std::memory_order_relaxed);
  abroad.thread.join();
  CHECK(browser.hear() == "home again");
  CHECK(story.errors.text() == "");
}

TEST_CASE("a handler that the grace has destroyed may be resumed by another thread", "[consumer][LC-27]") {
  Story story;
  Abroad abroad;
  Communicator browser(story.executor, consumer<Abducted>(&abroad), story.layer, {"/"},
                       {.limits = {.disconnect_grace = 10s}});
  REQUIRE(browser.connect());
  browser.say("go");
  browser.vanish();
  story.executor.advance(10s);
  CHECK(browser.finished());
  CHECK(browser.host().stats().destroyed_handlers == 1);
  abroad.may_return.store(true, std::memory_order_relaxed);
  abroad.thread.join();
  story.executor.run_all();
}

TEST_CASE("a consumer that is called from another thread throws, and does nothing", "[consumer]") {
  const auto [call, name] = GENERATE(table<std::string, std::string>({{"accept", "accept()"},
                                                                      {"deny", "deny()"},
                                                                      {"send", "send()"},
                                                                      {"close", "close()"},
                                                                      {"group_add", "group_add()"},
                                                                      {"group_add when slow", "group_add()"},
                                                                      {"group_discard", "group_discard()"},
                                                                      {"hear_later", "hear_later()"}}));
  Story story;
  Communicator browser(story.executor, consumer<Strayer>(), story.layer, {"/"});
  REQUIRE(browser.connect());
  browser.say(call);
  CHECK(browser.hear_all() ==
        "text: " + name +
            " from outside the consumer's executor: from there send the consumer an event, by its "
            "channel_name()");
  CHECK(story.hub.stats().groups == 0);
}
