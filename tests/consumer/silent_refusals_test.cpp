// SPDX-License-Identifier: MIT
// What a developer reads when a connection is refused and the client sees a bare status.
#include <algorithm>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "consumer/support/story.hpp"
#include "sluice/consumer/router.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using Catch::Matchers::ContainsSubstring;

namespace {

struct NeverAnswers : Consumer {
  Task<> connect() override { return {}; }
};

struct AnswersLater : Consumer {
  Task<> connect() override {
    hear_later(std::chrono::seconds(1), Event::named("now"));
    return {};
  }
  Task<> now(const Event&) {
    accept();
    return {};
  }
  const EventHandlers& event_handlers() const override {
    static const auto handlers = EventHandlers{}.on("now", &AnswersLater::now);
    return handlers;
  }
};

struct Member : Consumer {
  std::span<const std::string_view> groups() const override {
    static constexpr std::string_view groups[] = {"g"};
    return groups;
  }
};

std::shared_ptr<Router> routes() {
  auto inner = std::make_shared<Router>();
  inner->path("<int:n>/", consumer<Member>());
  auto routes = std::make_shared<Router>();
  routes->path("ws/a/", consumer<Member>()).path("ws/b", consumer<Member>()).path("in/", inner).re_path("^re/", inner);
  return routes;
}

std::string logged_for(std::string target) {
  Story story;
  Communicator browser(story.executor, routes(), story.layer, {std::move(target)});
  CHECK(browser.connect().http_status == 404);
  return story.errors.take();
}

}  // namespace

TEST_CASE("a path without a route is logged with the routes there are", "[consumer][SC-6]") {
  CHECK(logged_for("/ws/x/\n\u202e") ==
        "404 for \"/ws/x/\\n\\u202e\": no route fits; the routes are: ws/a/, ws/b, in/<int:n>/, ^re/<int:n>/\n");
  CHECK_THAT(logged_for("/ws/a"), ContainsSubstring("no route fits, but one does with a slash at the end; the routes"));
  CHECK_THAT(logged_for("/ws/b/"), ContainsSubstring("no route fits, but one does without the last slash; the routes"));
  CHECK_THAT(logged_for("/in/7"), ContainsSubstring("but one does with a slash at the end"));
}

TEST_CASE("a log line lists twenty routes at most", "[consumer][SC-6]") {
  Story story;
  auto many = std::make_shared<Router>();
  for (int i = 0; i < 30; ++i) many->path("r" + std::to_string(i), consumer<Member>());
  Communicator browser(story.executor, many, story.layer, {"/"});
  CHECK(browser.connect().http_status == 404);
  CHECK_THAT(story.errors.text(), ContainsSubstring("r19 and 10 more"));
}

TEST_CASE("a flood of paths without a route does not fill the log", "[consumer][SC-6]") {
  Story story;
  const auto served = routes();
  for (int i = 0; i < 100; ++i) {
    Communicator browser(story.executor, served, story.layer, {"/" + std::to_string(i)});
    CHECK(browser.connect().http_status == 404);
  }
  CHECK(story.errors.size() <= 10);
}

TEST_CASE("a connect() that neither accepts nor denies is logged when the client is gone", "[consumer]") {
  Story story;
  Communicator browser(story.executor, consumer<NeverAnswers>(), story.layer, {"/never/"});
  CHECK_FALSE(browser.knock());
  story.executor.run_all();
  CHECK(story.errors.text() == "");
  browser.vanish();
  story.executor.run_all();
  CHECK_THAT(story.errors.text(), ContainsSubstring("\"/never/\": connect() finished without accept() or deny()"));
}

TEST_CASE("a consumer that answers later is not logged", "[consumer]") {
  Story story;
  Communicator browser(story.executor, consumer<AnswersLater>(), story.layer, {"/later/"});
  CHECK_FALSE(browser.knock());
  story.executor.advance(std::chrono::seconds(2));
  CHECK(browser.connect());
  browser.vanish();
  story.executor.run_all();
  CHECK(story.errors.text() == "");
}

TEST_CASE("a malformed broadcast is logged as one", "[consumer][DI-3]") {
  Story story;
  Communicator browser(story.executor, consumer<Member>(), story.layer, {"/"});
  CHECK(browser.connect());
  for (const std::string event : {R"({"type":"broadcast_to_group"})", R"({"type":"broadcast_to_users","user_ids":[7]})",
                                  R"({"type":"broadcast_to_users_individual_payloads","payload_map":[]})"}) {
    CAPTURE(event);
    REQUIRE(story.layer.group_send("g", *Event::parse(event)));
    story.executor.run_all();
    CHECK_THAT(story.errors.take(), ContainsSubstring("malformed broadcast") && !ContainsSubstring("no handler"));
  }
  CHECK(browser.host().stats().undecodable_events == 3);
  CHECK(browser.host().stats().unknown_events == 0);
  // A broadcast without payloads reaches no one, which is no error.
  REQUIRE(story.layer.group_send(
      "g", *Event::parse(R"({"type":"broadcast_to_users_individual_payloads","payload_map":{}})")));
  story.executor.run_all();
  CHECK(story.errors.text() == "");
}
