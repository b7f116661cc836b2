// SPDX-License-Identifier: MIT
#include "sluice/consumer/json_consumer.hpp"

#include <map>

#include "consumer/support/story.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

class Echo : public JsonConsumer {
 public:
  Task<> receive_json(const json::Value& said) override {
    if (said["throw"]) throw std::runtime_error("oops");
    send_json(said);
    return {};
  }
};

class Lenient : public Echo {
 public:
  Task<> receive_invalid(const Message& message, const Error& error) override {
    const std::string code(to_string(error.code()));
    send_json(std::vector<std::string>{message.is_text() ? "text" : "binary", code});
    return {};
  }
};

// Waits before it reads the message.
class Patient : public JsonConsumer {
 public:
  explicit Patient(Story* story) : story_(*story) {}
  Task<> receive_json(const json::Value& said) override {
    auto gate = story_.gate("a");
    co_await gate;
    send_json(said["word"]);
  }
  Task<> receive_invalid(const Message& message, const Error& error) override {
    auto gate = story_.gate("a");
    co_await gate;
    send_text(std::string(message.data()) + ": " + std::string(to_string(error.code())));
  }

 private:
  Story& story_;
};

}  // namespace

TEST_CASE("a JSON consumer receives and sends JSON", "[consumer][LC-19]") {
  ManualExecutor executor;
  Communicator browser(executor, consumer<Echo>(), {"/"});
  REQUIRE(browser.connect());
  const char* text = GENERATE(R"({"a":[1,2.5,null,true]})", R"("é 😀")", "7", "null", "[]", R"({"a":1,"b":{"c":"\n"}})");
  browser.say(text);
  CHECK(browser.hear() == text);
}

TEST_CASE("of duplicate keys the last one counts", "[consumer][LC-19]") {
  ManualExecutor executor;
  Communicator browser(executor, consumer<Echo>(), {"/"});
  REQUIRE(browser.connect());
  browser.say(R"({"a":1,"a":2})");
  CHECK(browser.hear_json().root()["a"].as_int() == 2);
}

TEST_CASE("a message that is no JSON text closes the connection, and leaves nothing behind",
          "[consumer][LC-18][LC-23]") {
  const auto close = [](auto say) {
    Story story;
    Communicator browser(story.executor, consumer<Echo>(), story.layer, {"/"});
    browser.connect();
    say(browser);
    CHECK(story.layer_is_empty());
    return browser.hear_close().code();
  };
  CHECK(close([](Communicator& browser) { browser.say_binary("{}"); }) == 1003);
  const char* text = GENERATE("", " ", "{oops", "NaN", "[Infinity]", "{} {}", "{'a':1}", "[1,]");
  CHECK(close([&](Communicator& browser) { browser.say(text); }) == 1007);
}

TEST_CASE("a consumer can override how messages that are no JSON are handled", "[consumer][LC-18]") {
  ManualExecutor executor;
  Communicator browser(executor, consumer<Lenient>(), {"/"});
  REQUIRE(browser.connect());
  browser.say("{oops");
  CHECK(browser.hear() == R"(["text","parse_failed"])");
  browser.say_binary("{}");
  CHECK(browser.hear() == R"(["binary","type_mismatch"])");
  browser.say("{}");
  CHECK(browser.hear() == "{}");
}

TEST_CASE("a handler's argument stays valid while it waits, whatever arrives meanwhile", "[consumer]") {
  Story story;
  Communicator browser(story.executor, consumer<Patient>(&story), story.layer, {"/"});
  REQUIRE(browser.connect());
  const std::string word(100, 'w');
  browser.say(R"({"word":")" + word + R"("})");
  browser.say(R"({"word":"second"})");
  browser.say(std::string(100, 'x'));
  story.open("a");
  CHECK(browser.hear() == '"' + word + '"');
  CHECK(browser.hear() == R"("second")");
  CHECK(browser.hear() == std::string(100, 'x') + ": parse_failed");
}

namespace {
struct Greeting {
  static constexpr std::string_view event_type = "greeting";
  std::string name;
  static constexpr auto fields() { return sluice::fields(sluice::field("name", &Greeting::name)); }
};
class Speaker : public JsonConsumer {
  Task<> receive_json(const json::Value&) override {
    send_json(Greeting{"ada"});
    send_json(std::map<std::string, int>{{"a", 1}});
    send_json(json::Text("[ 1 ]"));
    return {};
  }
};
}  // namespace

TEST_CASE("send_json takes structs, containers and encoded text", "[consumer]") {
  ManualExecutor executor;
  Communicator browser(executor, consumer<Speaker>(), {"/"});
  REQUIRE(browser.connect());
  browser.say("0");
  CHECK(browser.hear_all() == "text: {\"type\":\"greeting\",\"name\":\"ada\"}\ntext: {\"a\":1}\ntext: [ 1 ]");
}

namespace {
// Keeps what its own tasks refer to, behind the back of JsonConsumer and of the table of handlers.
class Keeper : public JsonConsumer {
 public:
  explicit Keeper(Story* story) : story_(*story) {}
  Task<> receive_json(const json::Value& content) override {
    return say_later(std::make_shared<const std::string>(long_text), content);
  }
  Task<> ordered(const Event& event) {
    return say_later(std::make_shared<const std::string>(long_text), event.value()["what"]);
  }
  const EventHandlers& event_handlers() const override {
    static const auto handlers = EventHandlers{}.on("ordered", &Keeper::ordered);
    return handlers;
  }
  std::span<const std::string_view> groups() const override {
    static constexpr std::string_view all[] = {"g"};
    return all;
  }

 private:
  static constexpr std::string_view long_text = "so long that it does not fit into the string itself";

  Task<> say_later(std::shared_ptr<const std::string> text, json::Value content) {
    keep_until_handled(text);
    return say(*text, content);
  }
  Task<> say(const std::string& text, json::Value content) {
    auto gate = story_.gate("a");
    co_await gate;
    send_text(text + ", " + std::string(content.as_string().value_or("?")));
  }

  Story& story_;
};
}  // namespace

TEST_CASE("objects that a handler keeps do not replace those that are kept for it", "[consumer]") {
  Story story;
  Communicator browser(story.executor, consumer<Keeper>(&story), story.layer, {"/"});
  REQUIRE(browser.connect());
  const std::string word(100, 'w');
  browser.say('"' + word + '"');
  story.open("a");
  CHECK(browser.hear() == "so long that it does not fit into the string itself, " + word);
  story.publish("g", Story::order(word));
  CHECK(browser.hear() == "so long that it does not fit into the string itself, " + word);
}
