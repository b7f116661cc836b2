// SPDX-License-Identifier: MIT
#include "sluice/consumer/middleware.hpp"

#include "consumer/support/story.hpp"
#include "sluice/consumer/router.hpp"
#include "support/catch.hpp"
#include "support/silence.hpp"

using namespace sluice;
using namespace sluice::testing;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

// Records its call. The query chooses the answer: FIRST=pass|refuse|throw|wait.
class Guard : public Middleware {
 public:
  Guard(std::string name, Story* story) : name_(std::move(name)), story_(*story) {}
  Task<Verdict> handle(Scope& scope) override {
    story_.tell("ask " + name_);
    const std::string what = scope.query_value(name_).value_or("pass");
    if (what == "wait") {
      auto gate = story_.gate("a");
      co_await gate;
      story_.tell(name_ + " went on");
    }
    if (what == "throw") throw std::runtime_error("database down");
    if (what == "refuse") co_return Verdict::refuse(Denial(401, name_ + " says no"));
    scope.set_user(User(7, "ada"));
    scope.put(name_ + " was here");
    co_return Verdict::pass();
  }

 private:
  std::string name_;
  Story& story_;
};

// One that has nothing to wait for.
class PlainGuard : public Middleware {
  Task<Verdict> handle(Scope& scope) override {
    if (scope.path() == "/secret/") return Verdict::refuse(Denial(404));
    if (scope.path() == "/broken/") throw std::runtime_error("plain");
    return Verdict::pass();
  }
};

class WhoAmI : public Consumer {
  Task<> connect() override {
    accept();
    const std::string* extra = scope().find<std::string>();
    send_text((scope().user() ? scope().user()->name() : "nobody") + ", " + (extra ? *extra : "nothing"));
    return {};
  }
};

struct Scene : Story {
  explicit Scene(const std::string& query)
      : browser(executor,
                with(std::make_shared<Guard>("first", this),
                     with(std::make_shared<Guard>("second", this), consumer<WhoAmI>())),
                layer, {"/?" + query}) {}
  Communicator browser;
};

}  // namespace

TEST_CASE("middlewares fill the scope, outermost first, before there is a consumer", "[consumer][MW-1]") {
  Scene scene("");
  REQUIRE(scene.browser.connect());
  CHECK(scene.told() == "ask first; ask second");
  CHECK(scene.browser.hear() == "ada, second was here");
}

TEST_CASE("a middleware that refuses answers instead of the consumer, and no channel is opened", "[consumer][MW-15]") {
  Scene scene("first=refuse");
  const Opened opened = scene.browser.connect();
  CHECK(opened.http_status == 401);
  CHECK(opened.body == "first says no");
  CHECK(scene.told() == "ask first");
  CHECK(scene.layer.take_transcript() == "");
  CHECK(scene.browser.finished());
  CHECK(scene.browser.host().stats().denied == 1);
}

TEST_CASE("a middleware that throws is answered with 500, and nothing is joined", "[consumer][MW-10]") {
  Scene scene("second=throw");
  CHECK(scene.browser.connect().http_status == 500);
  CHECK(scene.layer.take_transcript() == "");
  CHECK_THAT(scene.errors.text(), ContainsSubstring("database down"));
  CHECK(scene.browser.finished());
}

TEST_CASE("a middleware may wait", "[consumer]") {
  Scene scene("first=wait");
  CHECK_FALSE(scene.browser.knock());
  CHECK(scene.told() == "ask first");
  scene.open("a");
  CHECK(scene.told() == "first went on; ask second");
  CHECK(scene.browser.connect().accepted);
}

TEST_CASE("a client that leaves during a middleware does not reach the next one", "[consumer]") {
  Scene scene("first=wait");
  scene.browser.knock();
  scene.browser.vanish();
  SECTION("the middleware comes back") {
    scene.open("a");
    CHECK(scene.told() == "ask first; first went on");
  }
  SECTION("it never does") {
    scene.executor.advance(10s);
    CHECK(scene.told() == "ask first");
  }
  CHECK(scene.browser.finished());
  CHECK(scene.layer.take_transcript() == "");
}

TEST_CASE("a message that comes while a middleware waits has no consumer when the client leaves", "[consumer]") {
  Scene scene("first=wait");
  scene.browser.knock();
  scene.browser.say("hello");
  scene.browser.vanish();
  SECTION("the middleware comes back") { scene.open("a"); }
  SECTION("it never does") { scene.executor.advance(10s); }
  CHECK_THAT(scene.told(), StartsWith("ask first"));
  CHECK(scene.browser.finished());
  CHECK(scene.browser.host().stats().failed_handlers == 0);
}

TEST_CASE("a message that comes before connect() is not handled when the client leaves before it", "[consumer]") {
  Story story;
  story.layer.hold();
  Communicator browser(story.executor, *story.host, {"/story/?connect=accept"});
  browser.knock();
  browser.say("note handled");
  browser.vanish();
  story.layer.release();
  story.executor.run_all();
  CHECK(story.told() == "gone");
  CHECK(browser.finished());
}

TEST_CASE("a middleware may be a plain function", "[consumer]") {
  ManualExecutor executor;
  const auto guarded = with(std::make_shared<PlainGuard>(), consumer<WhoAmI>());
  const test::Silence silence;
  CHECK(Communicator(executor, guarded, {"/"}).connect().accepted);
  CHECK(Communicator(executor, guarded, {"/secret/"}).connect().http_status == 404);
  CHECK(Communicator(executor, guarded, {"/broken/"}).connect().http_status == 500);
}

TEST_CASE("a middleware guards its own routes only", "[consumer][SC-11]") {
  Story story;
  auto routes = std::make_shared<Router>();
  routes->path("open/", consumer<WhoAmI>());
  routes->path("guarded/<int:n>/", with(std::make_shared<Guard>("guard", &story), consumer<WhoAmI>()));
  CHECK(Communicator(story.executor, routes, {"/open/?guard=refuse"}).connect().accepted);
  CHECK(Communicator(story.executor, routes, {"/guarded/1/?guard=refuse"}).connect().http_status == 401);
  CHECK(Communicator(story.executor, routes, {"/guarded/x/"}).connect().http_status == 404);
  CHECK(story.told() == "ask guard");
}

TEST_CASE("with() refuses an empty middleware and an empty application", "[consumer]") {
  CHECK_THROWS_AS(with(nullptr, consumer<WhoAmI>()), std::invalid_argument);
  CHECK_THROWS_AS(with(std::make_shared<PlainGuard>(), nullptr), std::invalid_argument);
}
