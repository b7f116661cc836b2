// SPDX-License-Identifier: MIT
// The promises of every channel layer, as tests for any of them. Define the list of worlds before this header:
//
//     using Worlds = std::tuple<InMemoryOnOneExecutor, ...>;
//
// A world is made from ChannelLayerOptions and has `layer`, `executors` (an ExecutorGroup of ManualExecutors with
// advance and run_all), `settle()`, which runs until everything sent has arrived, `take(inbox)`, which gives the next
// event that waits for it, and what the world is like:
//
// - `processes`: so many share the layer. Each executor is then a process.
// - `shared`: a server stands between sender and receiver. The test can't hold back what is on its way, and what waits
//   there is not counted here.
// - `keeps`: what is sent to a plain channel waits for a reader to come. Where it does not, one must be there before.
// - `group_expiry`: after so long the server forgets a membership that nobody renewed.
// - `names_processes`: a consumer's channel tells its process, with a '!' behind it.
#pragma once

#include <list>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "sluice/layer/channel_layer.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"

namespace sluice::SLUICE_ABI::testing {

inline Event numbered(int number) {
  return Event::parse("{\"type\":\"number\",\"n\":" + std::to_string(number) + "}").value();
}
inline json::Text quoted(std::string_view text) {
  json::Writer out;
  out.value(text);
  return json::Text(out.take());
}
inline Event broadcast(std::string_view text, Audience audience = {}) {
  return Event::broadcast_to_group(quoted(text), std::move(audience));
}

/// Says why a promise can't be tested in a world.
inline bool left_out(bool here, const char* reason) {
  if (here) SUCCEED("left out: " << reason);
  return here;
}

/// A subscriber that records what it receives: events as "#7" (numbered) or their type, broadcasts as their payload, a
/// text without its quotes.
class Ear final : public Subscriber {
 public:
  Ear(ChannelLayer& layer, ManualExecutor& executor, UserId user = {}, std::string socket = {})
      : layer_(layer), executor_(executor), user_(std::move(user)), socket_(std::move(socket)) {
    auto opened = executor_.run([this] { return layer_.open_channel(*this); });
    if (!opened) throw std::runtime_error(opened.error().message());
    channel_.emplace(std::move(*opened));
  }
  ~Ear() { close(); }
  Ear(const Ear&) = delete;

  Result<void> join(std::string_view group) {
    return executor_.run([&] { return layer_.group_add(group, *channel_); });
  }
  Result<void> leave(std::string_view group) {
    return executor_.run([&] { return layer_.group_discard(group, *channel_); });
  }
  void close() {
    executor_.run([this] { channel_.reset(); });
  }
  Channel& channel() { return *channel_; }
  std::string heard() { return std::exchange(heard_, {}); }
  /// How often it was called.
  std::size_t visits() const { return visits_; }

  void deliver(const Event& event) override {
    ++visits_;
    const auto number = event.value()["n"].as_int();
    note(number ? "#" + std::to_string(*number) : std::string(event.type()));
  }
  void deliver(const DeliveryRun& run) override {
    ++visits_;
    std::string joined;
    for (const Delivery& delivery : run.deliveries) joined += delivery.frame.wire();
    if (joined != run.joined.wire()) note("BROKEN RUN");
    FrameReader messages(run.joined.wire());
    while (auto message = messages.next()) {
      std::string_view payload = message.payload;
      if (payload.starts_with('"')) payload = payload.substr(1, payload.size() - 2);
      note(payload);
    }
  }
  Identity identity() const noexcept override { return {socket_, user_}; }
  Executor& executor() const noexcept override {
    CHECK((!Executor::current() || executor_.runs_here()));
    return executor_;
  }

 private:
  void note(std::string_view what) {
    if (!executor_.runs_here()) heard_ += "(elsewhere)";
    if (!heard_.empty()) heard_ += ' ';
    heard_ += what;
  }

  ChannelLayer& layer_;
  ManualExecutor& executor_;
  UserId user_;
  std::string socket_;
  std::optional<Channel> channel_;
  std::string heard_;
  std::size_t visits_ = 0;
};

/// A world with verbs.
template <class World>
class Scene : public World {
 public:
  explicit Scene(ChannelLayerOptions options = {}) : World(options) {}

  /// On one executor after the other.
  Ear& ear(UserId user = {}, std::string socket = {}) {
    ManualExecutor& executor = this->executors.at(ears_.size() % this->executors.size());
    return *ears_.emplace_back(std::make_unique<Ear>(this->layer, executor, std::move(user), std::move(socket)));
  }
  Ear& ear_in(std::string_view group, UserId user = {}, std::string socket = {}) {
    Ear& made = ear(std::move(user), std::move(socket));
    REQUIRE(made.join(group));
    return made;
  }
  template <class F>
  auto run(F work) {
    return this->executors.at(0).run(std::move(work));
  }
  Inbox inbox(std::string_view name) {
    auto opened = run([&] { return this->layer.open_inbox(name); });
    if (!opened) throw std::runtime_error(opened.error().message());
    return std::move(*opened);
  }
  /// From now on the channel holds what is sent to it.
  void keep(std::string_view name) {
    if constexpr (!World::keeps) kept_.push_back(inbox(name));
  }
  void publish(std::string_view group, Event event) {
    REQUIRE(this->layer.group_send(group, std::move(event)));
    this->settle();
  }
  /// Is it so, or does it become so?
  template <class F>
  bool becomes(F condition) {
    this->settle();
    return condition() || this->executors.run_until(condition);
  }
  /// What the inbox holds, as an Ear would write it down.
  std::string drain(Inbox& inbox) {
    this->settle();
    std::string seen;
    while (const auto event = this->take(inbox)) {
      seen += seen.empty() ? "" : " ";
      const auto number = event->value()["n"].as_int();
      seen += number ? "#" + std::to_string(*number) : std::string(event->type());
    }
    return seen;
  }
  std::size_t group_size(std::string_view group) {
    auto size = run([&] { return this->layer.group_size(group); });
    return size ? *size : throw std::runtime_error(size.error().message());
  }

 private:
  std::list<Inbox> kept_;
  std::list<std::unique_ptr<Ear>> ears_;
};

inline ErrorCode code_of(const Result<void>& result) {
  return result ? throw std::logic_error("it succeeded") : result.error().code();
}

// ---------------------------------------------------------------- names

TEMPLATE_LIST_TEST_CASE("every call that takes a name checks it", "[layer][CL-1][CL-2][CL-3][CL-4][CL-5]", Worlds) {
  struct Row {
    std::string name;
    bool channel, group;
  };
  const std::string longest(99, 'a');
  const Row rows[] = {
      {"a", true, true},
      {"Z", true, true},
      {"0", true, true},
      {"_", true, true},
      {".", true, true},
      {"-", true, true},
      {"table-7", true, true},
      {"chat.room_1-B", true, true},
      {longest, true, true},
      {longest.substr(0, 97) + "!b", true, false},
      {"a!", true, false},
      {"a!b", true, false},
      {"specific..inmemory!abcdefABCDEF", true, false},
      {"", false, false},
      {longest + "a", false, false},
      {longest + "!", false, false},
      {"!", false, false},
      {"!a", false, false},
      {"a!b!c", false, false},
      {"a!!", false, false},
      {"a b", false, false},
      {" a", false, false},
      {"a ", false, false},
      {"a\n", false, false},
      {"a!b\n", false, false},
      {"a:b", false, false},
      {"a?", false, false},
      {"a/b", false, false},
      {"a*", false, false},
      {"a@b", false, false},
      {std::string("a\0b", 3), false, false},
      {"\xD9\xA1", false, false},    // an Arabic digit
      {"a!\xC3\xA9", false, false},  // a letter with an accent, behind the mark
      {"\xC3\xA9", false, false},
      {"a\x7f", false, false},
  };
  Scene<TestType> scene;
  Ear& ear = scene.ear();
  Inbox inbox = scene.inbox("reader");
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(is_valid_channel_name(row.name) == row.channel);
    CHECK(is_valid_group_name(row.name) == row.group);
    CHECK(scene.layer.send(row.name, numbered(1)).has_value() == row.channel);
    CHECK(scene.layer.group_send(row.name, numbered(1)).has_value() == row.group);
    CHECK(ear.join(row.name).has_value() == row.group);
    CHECK(ear.leave(row.name).has_value() == row.group);
    CHECK(scene.run([&] { return scene.layer.group_add(row.name, inbox); }).has_value() == row.group);
    CHECK(scene.run([&] { return scene.layer.group_discard(row.name, inbox); }).has_value() == row.group);
    const bool readable = row.channel && row.name.find('!') == row.name.npos;
    CHECK(scene.run([&] { return scene.layer.open_inbox(row.name); }).has_value() == readable);
    if (!row.group) CHECK(code_of(ear.join(row.name)) == ErrorCode::invalid_name);
    if (!row.channel) CHECK(code_of(scene.layer.send(row.name, numbered(1))) == ErrorCode::invalid_name);
  }
}

TEST_CASE("the part of a name that a process shares ends with the mark", "[layer][CL-6]") {
  CHECK(non_local_name("specific.abc!def") == "specific.abc!");
  CHECK(non_local_name("a!") == "a!");
  CHECK(non_local_name("plain") == "plain");
}

TEMPLATE_LIST_TEST_CASE("every channel has a new name, and it is valid", "[layer][CL-11]", Worlds) {
  Scene<TestType> scene;
  std::set<std::string> names;
  std::set<std::string> shared;
  std::string last;
  constexpr int many = test::scaled(100'000);
  for (int i = 0; i < many; ++i) {
    Ear ear(scene.layer, scene.executors.at(static_cast<std::size_t>(i) % scene.executors.size()));
    last = ear.channel().name();
    names.insert(last);
    shared.insert(std::string(non_local_name(last)));
  }
  CHECK(names.size() == many);
  CHECK(is_valid_channel_name(last));
  CHECK((last.find('!') != last.npos) == TestType::names_processes);
  if (TestType::names_processes) CHECK(shared.size() == TestType::processes);
  CHECK(scene.layer.stats().channels == 0);
}

// ---------------------------------------------------------------- to one channel

TEMPLATE_LIST_TEST_CASE("events for a subscriber's channel arrive there in order", "[layer][CL-8][CL-18]", Worlds) {
  Scene<TestType> scene;
  Ear& ann = scene.ear();
  Ear& bob = scene.ear();
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(scene.layer.send(ann.channel().name(), numbered(i)));
    expected += (i ? " #" : "#") + std::to_string(i);
  }
  REQUIRE(scene.layer.send(bob.channel().name(), broadcast("hello")));
  scene.settle();
  CHECK(ann.heard() == expected);
  CHECK(bob.heard() == "hello");
}

TEMPLATE_LIST_TEST_CASE("events for a closed channel are dropped and counted", "[layer][CL-28]", Worlds) {
  Scene<TestType> scene;
  Ear& ear = scene.ear();
  const std::string name = ear.channel().name();
  REQUIRE(scene.layer.send(name, numbered(1)));
  ear.close();  // while it is on its way, where that can be told
  const bool arrived = ear.heard() == "#1";
  if (!TestType::shared) CHECK_FALSE(arrived);
  REQUIRE(scene.layer.send(name, numbered(2)));
  scene.settle();
  CHECK(ear.heard() == "");
  CHECK(scene.layer.stats().dropped_no_channel == (arrived ? 1 : 2));
}

TEMPLATE_LIST_TEST_CASE("a plain channel keeps unread events in order", "[layer][CL-8][CL-18]", Worlds) {
  Scene<TestType> scene;
  scene.keep("jobs");
  for (int i = 0; i < 5; ++i) REQUIRE(scene.layer.send("jobs", numbered(i)));
  scene.settle();
  Inbox inbox = scene.inbox("jobs");
  CHECK(inbox.name() == "jobs");
  CHECK(scene.drain(inbox) == "#0 #1 #2 #3 #4");
  CHECK(scene.drain(inbox) == "");
}

namespace detail {
inline Task<> read(Inbox& inbox, std::size_t count, std::vector<int>& seen) {
  for (std::size_t i = 0; i < count; ++i) {
    auto event = co_await inbox.receive();
    if (!event) co_return;
    seen.push_back(static_cast<int>(event->value()["n"].as_int().value_or(-1)));
  }
}

// A reader that continues until it has received this many events.
class Reader {
 public:
  Reader(ManualExecutor& executor, Inbox inbox, std::size_t count)
      : executor_(executor), inbox_(std::move(inbox)), task_(read(inbox_, count, seen)) {
    executor_.run([this] { (void)task_->start({[](void*) noexcept {}, nullptr}); });
  }
  ~Reader() {
    executor_.run([this] { task_.reset(); });
  }
  Reader(const Reader&) = delete;
  void stop() {
    executor_.run([this] { task_.reset(); });
  }
  std::vector<int> seen;

 private:
  ManualExecutor& executor_;
  Inbox inbox_;
  std::optional<Task<>> task_;
};
}  // namespace detail

TEMPLATE_LIST_TEST_CASE("each event of a channel with many readers reaches one of them", "[layer][CL-8]", Worlds) {
  Scene<TestType> scene({.capacity = 1000});
  std::list<detail::Reader> readers;
  for (std::size_t i = 0; i < 10; ++i) {
    readers.emplace_back(scene.executors.at(i % scene.executors.size()), scene.inbox("jobs"), 1000);
  }
  for (int i = 0; i < 500; ++i) {
    REQUIRE(scene.layer.send("jobs", numbered(i)));
    if (i % 7 == 0) scene.settle();
  }
  const auto seen = [](std::size_t sum, const detail::Reader& reader) { return sum + reader.seen.size(); };
  CHECK(scene.becomes([&] { return std::accumulate(readers.begin(), readers.end(), std::size_t{0}, seen) >= 500; }));
  scene.settle();
  std::multiset<int> all;
  for (const auto& reader : readers) {
    all.insert(reader.seen.begin(), reader.seen.end());
    CHECK(std::ranges::is_sorted(reader.seen));
  }
  CHECK(all.size() == 500);
  CHECK(std::set<int>(all.begin(), all.end()).size() == 500);
}

TEMPLATE_LIST_TEST_CASE("a receive that is destroyed loses no event", "[layer][CL-8]", Worlds) {
  Scene<TestType> scene;
  detail::Reader first(scene.executors.at(0), scene.inbox("jobs"), 1);
  detail::Reader second(scene.executors.at(0), scene.inbox("jobs"), 2);
  REQUIRE(scene.layer.send("jobs", numbered(1)));  // the first one is woken for it
  first.stop();                                    // and ends before it looks, where that can be told
  if (!TestType::shared) CHECK(first.seen.empty());
  std::vector<int> left{1, 2};
  if (!first.seen.empty()) left.erase(left.begin());
  CHECK(scene.becomes([&] { return second.seen == std::vector<int>(left.begin(), left.end() - 1); }));
  REQUIRE(scene.layer.send("jobs", numbered(2)));
  CHECK(scene.becomes([&] { return second.seen == left; }));
}

namespace detail {
inline Task<> note_receive(Task<Result<Event>> receiving, std::string& seen) {
  const auto event = co_await receiving;
  seen = event ? std::string(event->type()) : std::string(to_string(event.error().code()));
}
}  // namespace detail

TEMPLATE_LIST_TEST_CASE("an inbox that is destroyed ends its waiting receive", "[layer][CL-8]", Worlds) {
  Scene<TestType> scene;
  auto inbox = std::make_optional(scene.inbox("jobs"));
  std::string seen;
  std::optional<Task<>> waiting = detail::note_receive(inbox->receive(), seen);
  const bool waits = GENERATE(true, false);  // or it begins when the inbox is gone
  const auto start = [&] { scene.run([&] { (void)waiting->start({[](void*) noexcept {}, nullptr}); }); };
  if (waits) start();
  scene.settle();
  inbox.reset();
  if (!waits) start();
  CHECK(scene.becomes([&] { return seen == "channel_closed"; }));
  scene.keep("jobs");
  REQUIRE(scene.layer.send("jobs", numbered(1)));
  Inbox later = scene.inbox("jobs");
  CHECK(scene.drain(later) == "#1");
  scene.run([&] { waiting.reset(); });
}

TEMPLATE_LIST_TEST_CASE("every kind of value arrives as it was sent", "[layer][CL-9][DI-11]", Worlds) {
  const std::string map =
      R"({"type":"kinds","text":"\u00e9 \ud83d\ude00","int":-9223372036854775808,"big":9223372036854775807,"double":0.5,)"
      R"("list":[1,[2,{"a":null}]],"true":true,"false":false,"null":null,"map":{"":{}}})";
  Scene<TestType> scene;
  Inbox inbox = scene.inbox("values");
  const Event event = Event::parse(map).value();
  REQUIRE(scene.layer.send("values", event));
  scene.settle();
  const auto received = scene.take(inbox);
  REQUIRE(received);
  CHECK(received->type() == "kinds");
  CHECK(received->value().to_text() == event.value().to_text());
}

TEMPLATE_LIST_TEST_CASE("a megabyte passes, and what is larger than the limit is refused", "[layer][CL-10]", Worlds) {
  const auto of_size = [](std::size_t bytes) {
    const std::string head = R"({"type":"large","text":")";
    return Event::parse(head + std::string(bytes - head.size() - 2, 'x') + "\"}").value();
  };
  constexpr std::size_t limit = 1'100'000;
  Scene<TestType> scene({.message_bytes = limit});
  Ear& ear = scene.ear_in("g");
  Inbox inbox = scene.inbox("jobs");
  scene.publish("g", of_size(1'048'576));
  CHECK(ear.heard() == "large");
  REQUIRE(scene.layer.send("jobs", of_size(limit)));
  CHECK(scene.drain(inbox) == "large");
  CHECK(code_of(scene.layer.send("jobs", of_size(limit + 1))) == ErrorCode::limit_exceeded);
  CHECK(code_of(scene.layer.group_send("g", of_size(limit + 1))) == ErrorCode::limit_exceeded);
  scene.settle();
  CHECK(ear.heard() == "");
  CHECK(scene.layer.stats().dropped_too_large == 2);
}

// ---------------------------------------------------------------- capacity and expiry

TEMPLATE_LIST_TEST_CASE("a full channel returns an error to its sender, keeps its events and drops the new one",
                        "[layer][CL-7][CL-14]", Worlds) {
  Scene<TestType> scene({.capacity = 3});
  scene.keep("jobs");
  for (int i = 0; i < 3; ++i) REQUIRE(scene.layer.send("jobs", numbered(i)));
  const auto fourth = scene.layer.send("jobs", numbered(3));
  if (!left_out(!TestType::keeps, "the channel lies with its readers, so that no sender hears that it is full")) {
    CHECK(code_of(fourth) == ErrorCode::channel_full);
  }
  REQUIRE(scene.layer.send("other", numbered(4)));
  Inbox inbox = scene.inbox("jobs");
  CHECK(scene.drain(inbox) == "#0 #1 #2");
  REQUIRE(scene.layer.send("jobs", numbered(5)));
  CHECK(scene.drain(inbox) == "#5");
  CHECK(scene.layer.stats().dropped_full == 1);
}

TEMPLATE_LIST_TEST_CASE("the first pattern that fits a channel's name sets its capacity", "[layer][CL-13]", Worlds) {
  Scene<TestType> scene({.capacity = 4,
                         .channel_capacity = {ChannelCapacity::glob("http.*", 1), ChannelCapacity::regex("^http", 9),
                                              ChannelCapacity::regex("web.+socket", 2),
                                              ChannelCapacity::glob("[ab]?c", 3), ChannelCapacity::glob("*!*", 7)}});
  const auto capacity = [&](std::string name) {
    scene.keep(name);
    const auto dropped_before = scene.layer.stats().dropped_full;
    for (std::size_t taken = 0;; ++taken) {
      (void)scene.layer.send(name, numbered(0));
      scene.settle();
      if (scene.layer.stats().dropped_full > dropped_before) return taken;
    }
  };
  CHECK(capacity("http.request") == 1);
  CHECK(capacity("httpx") == 9);
  CHECK(capacity("web.a-socket.b") == 2);
  CHECK(capacity("my.web.a-socket") == 4);
  CHECK(capacity("axc") == 3);
  CHECK(capacity("axcd") == 4);
  CHECK(capacity("cxc") == 4);
  CHECK(scene.ear().channel().capacity() == (TestType::names_processes ? 7 : 4));
  CHECK(Scene<TestType>({.capacity = 5}).ear().channel().capacity() == 5);
}

TEMPLATE_LIST_TEST_CASE("an event that is not read in time is never read", "[layer][CL-15][CL-16]", Worlds) {
  Scene<TestType> scene({.expiry = std::chrono::seconds(60)});
  scene.keep("jobs");
  REQUIRE(scene.layer.send("jobs", numbered(1)));
  scene.settle();
  scene.executors.advance(std::chrono::seconds(30));
  REQUIRE(scene.layer.send("jobs", numbered(2)));
  scene.settle();
  SECTION("just before the time it is there") {
    scene.executors.advance(std::chrono::seconds(30) - std::chrono::milliseconds(1));
    Inbox inbox = scene.inbox("jobs");
    CHECK(scene.drain(inbox) == "#1 #2");
  }
  SECTION("at the time it is gone, a later one is there") {
    scene.executors.advance(std::chrono::seconds(30));
    Inbox inbox = scene.inbox("jobs");
    CHECK(scene.drain(inbox) == "#2");
    CHECK(scene.layer.stats().dropped_expired == 1);
  }
  SECTION("an expired event makes room") {
    scene.executors.advance(std::chrono::hours(1));
    for (int i = 0; i < 100; ++i) REQUIRE(scene.layer.send("jobs", numbered(i)));
    scene.settle();
    CHECK(scene.layer.stats().dropped_expired == 2);
  }
}

TEMPLATE_LIST_TEST_CASE("unused channels take no memory", "[layer][CL-15][CL-17]", Worlds) {
  if (left_out(TestType::shared, "what waits is the server's, and not counted here")) return;
  Scene<TestType> scene;
  for (int i = 0; i < 100; ++i) REQUIRE(scene.layer.send("job-" + std::to_string(i), numbered(i)));
  CHECK(scene.layer.stats().plain_channels == 100);
  {
    Inbox read = scene.inbox("job-7");
    CHECK(scene.drain(read) == "#7");
  }
  CHECK(scene.layer.stats().plain_channels == 99);
  scene.executors.advance(std::chrono::minutes(2));
  scene.settle();
  CHECK(scene.layer.stats().plain_channels == 0);
  CHECK(scene.layer.stats().dropped_expired == 99);
}

// ---------------------------------------------------------------- room for what is sent

namespace detail {
inline Task<std::size_t> send_all(ChannelLayer& layer, std::string_view to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const Event event = numbered(static_cast<int>(i));
    Task<Result<void>> sending =
        to.find('!') == to.npos ? layer.group_send_when_room(to, event) : layer.send_when_room(to, event);
    const auto sent = co_await sending;
    if (!sent) co_return i;
  }
  co_return count;
}
}  // namespace detail

TEMPLATE_LIST_TEST_CASE("a sender that waits for room sends everything, in order", "[layer]", Worlds) {
  Scene<TestType> scene({.waiting_events = 4});
  Ear& ann = scene.ear_in("g");
  Ear& bob = scene.ear_in("g");
  const bool to_a_group = GENERATE(true, false) || !TestType::names_processes;
  const std::string to = to_a_group ? "g" : ann.channel().name();
  CHECK(scene.run([&] { return detail::send_all(scene.layer, to, 100); }) == 100);
  std::string expected = "#0";
  for (int i = 1; i < 100; ++i) expected += " #" + std::to_string(i);
  std::string heard, heard_by_bob;
  CHECK(scene.becomes([&] {
    heard += ann.heard();
    heard_by_bob += bob.heard();
    return heard.ends_with(" #99") && (!to_a_group || heard_by_bob.ends_with(" #99"));
  }));
  CHECK(heard == expected);
  CHECK(heard_by_bob == (to_a_group ? expected : ""));
  CHECK(scene.layer.stats().dropped_no_room == 0);
  CHECK(scene.layer.stats().waiting_events == 0);
}

TEMPLATE_LIST_TEST_CASE("events that wait for delivery are bounded, and a sender above the bound gets an error",
                        "[layer]", Worlds) {
  if (left_out(TestType::shared, "these worlds wait for Redis at each send")) return;
  Scene<TestType> scene({.waiting_events = 4});
  Ear& ear = scene.ear_in("g");
  for (int i = 0; i < 4; ++i) REQUIRE(scene.layer.group_send("g", numbered(i)));
  CHECK(code_of(scene.layer.group_send("g", numbered(4))) == ErrorCode::no_room);
  CHECK(code_of(scene.layer.send(ear.channel().name(), numbered(4))) == ErrorCode::no_room);
  CHECK(scene.layer.group_send("nobody", numbered(4)));
  CHECK(scene.layer.stats().waiting_events == 4);
  CHECK(scene.layer.stats().waiting_bytes > 0);
  scene.settle();
  CHECK(ear.heard() == "#0 #1 #2 #3");
  REQUIRE(scene.layer.group_send("g", numbered(5)));
  scene.settle();
  CHECK(ear.heard() == "#5");
  const LayerStats stats = scene.layer.stats();
  CHECK(stats.dropped_no_room == 2);
  CHECK(stats.group_sends == 6);
  CHECK(stats.waiting_events == 0);
  CHECK(stats.waiting_bytes == 0);
}

TEMPLATE_LIST_TEST_CASE("bytes that wait for delivery are bounded, and a single event is never too large", "[layer]",
                        Worlds) {
  if (left_out(TestType::shared, "these worlds wait for Redis at each send")) return;
  Scene<TestType> scene({.waiting_bytes = 10'000});
  Ear& ear = scene.ear_in("g");
  const std::string large(20'000, 'x');
  REQUIRE(scene.layer.group_send("g", broadcast("a")));
  REQUIRE(scene.layer.group_send("g", broadcast(large)));
  CHECK(code_of(scene.layer.group_send("g", broadcast("b"))) == ErrorCode::no_room);
  scene.settle();
  CHECK(ear.heard() == "a " + large);
}

// ---------------------------------------------------------------- groups

TEMPLATE_LIST_TEST_CASE("a group's members receive its events, and no one else does", "[layer][CL-26]", Worlds) {
  Scene<TestType> scene;
  Ear& ann = scene.ear_in("g");
  Ear& bob = scene.ear_in("g");
  Ear& cyd = scene.ear_in("other");
  REQUIRE(scene.layer.group_send("nobody", numbered(0)));
  scene.publish("g", numbered(1));
  scene.publish("g", broadcast("two"));
  CHECK(ann.heard() == "#1 two");
  CHECK(bob.heard() == "#1 two");
  CHECK(cyd.heard() == "");
}

TEMPLATE_LIST_TEST_CASE("joining twice is joining once, and leaving once is enough", "[layer][CL-19][CL-20]", Worlds) {
  Scene<TestType> scene;
  Ear& ear = scene.ear_in("g");
  REQUIRE(ear.join("g"));
  CHECK(ear.channel().group_count() == 1);
  scene.publish("g", broadcast("once"));
  CHECK(ear.heard() == "once");
  REQUIRE(ear.leave("g"));
  REQUIRE(ear.leave("g"));
  REQUIRE(ear.leave("never.joined"));
  CHECK(ear.channel().group_count() == 0);
  scene.publish("g", broadcast("gone"));
  CHECK(ear.heard() == "");
  Ear& other = scene.ear_in("g");
  REQUIRE(ear.leave("g"));  // a stranger here
  scene.publish("g", broadcast("still"));
  CHECK(other.heard() == "still");
}

TEMPLATE_LIST_TEST_CASE("a handle of another layer is refused, as is an empty one", "[layer]", Worlds) {
  Scene<TestType> scene;
  InMemoryChannelLayer other(scene.executors);
  Ear stranger(other, scene.executors.at(0));
  Ear& member = scene.ear_in("g");
  const auto inbox = scene.run([&] { return other.open_inbox("jobs"); });
  REQUIRE(inbox);
  Inbox moved_from = std::move(*scene.run([&] { return other.open_inbox("jobs"); }));
  const Inbox moved = std::move(moved_from);
  const Channel none;

  const auto refuses = [&](const auto& handle) {
    const auto added = scene.run([&] { return scene.layer.group_add("g", handle); });
    CHECK(code_of(added) == ErrorCode::invalid_argument);
    const auto discarded = scene.run([&] { return scene.layer.group_discard("g", handle); });
    CHECK(code_of(discarded) == ErrorCode::invalid_argument);
  };
  refuses(stranger.channel());
  refuses(none);
  refuses(*inbox);
  refuses(moved);
  refuses(moved_from);

  scene.publish("g", broadcast("hello"));
  CHECK(member.heard() == "hello");
  CHECK(stranger.heard().empty());
}

TEMPLATE_LIST_TEST_CASE("events of one sender to a group keep their order at every member", "[layer][CL-18][CL-27]",
                        Worlds) {
  Scene<TestType> scene;
  Ear& ann = scene.ear_in("g");
  Ear& bob = scene.ear_in("g");
  std::string expected;
  for (int i = 0; i < 300; ++i) {  // events and broadcasts, in batches of every size
    const std::string number = std::to_string(i);
    REQUIRE(scene.layer.group_send("g", i % 3 ? broadcast(number) : numbered(i)));
    if (i % 50 == 7) scene.settle();
    expected += (i ? " " : "") + std::string(i % 3 ? "" : "#") + number;
  }
  scene.settle();
  CHECK(ann.heard() == expected);
  CHECK(bob.heard() == expected);
}

TEMPLATE_LIST_TEST_CASE("after group_add() events are received, after group_discard() they are not", "[layer]",
                        Worlds) {
  Scene<TestType> scene;
  Ear& stays = scene.ear_in("g");
  Ear& comes = scene.ear();
  REQUIRE(comes.join("g"));
  REQUIRE(scene.layer.group_send("g", broadcast("1")));
  scene.settle();
  REQUIRE(comes.leave("g"));
  REQUIRE(scene.layer.group_send("g", broadcast("2")));
  scene.settle();
  CHECK(comes.heard() == "1");
  CHECK(stays.heard() == "1 2");
}

TEMPLATE_LIST_TEST_CASE("a full member of a group neither delays the others nor fails the sender",
                        "[layer][CL-21][CL-22]", Worlds) {
  Scene<TestType> scene({.capacity = 2});
  Ear& ear = scene.ear_in("g");
  Inbox full = scene.inbox("full"), reads = scene.inbox("reads");
  REQUIRE(scene.run([&] { return scene.layer.group_add("g", full); }));
  REQUIRE(scene.run([&] { return scene.layer.group_add("g", reads); }));
  std::string read;
  for (int i = 0; i < 4; ++i) {
    scene.publish("g", numbered(i));
    read += scene.drain(reads) + ";";
  }
  CHECK(read == "#0;#1;#2;#3;");
  CHECK(ear.heard() == "#0 #1 #2 #3");
  CHECK(scene.drain(full) == "#0 #1");
  CHECK(scene.layer.stats().dropped_full == 2);
}

TEMPLATE_LIST_TEST_CASE("a flood for one channel does not affect another", "[layer][CL-12]", Worlds) {
  Scene<TestType> scene({.capacity = 3});
  Ear& noisy = scene.ear();
  Ear& quiet = scene.ear();
  for (int i = 0; i < 100; ++i) REQUIRE(scene.layer.send(noisy.channel().name(), numbered(i)));
  REQUIRE(scene.layer.send(quiet.channel().name(), numbered(7)));
  scene.settle();
  CHECK(quiet.heard() == "#7");
}

TEMPLATE_LIST_TEST_CASE("plain channels are members of groups like others", "[layer][BT-12]", Worlds) {
  Scene<TestType> scene;
  Ear& ear = scene.ear_in("mcp");
  {
    Inbox inbox = scene.inbox("sse_client_1");
    REQUIRE(scene.run([&] { return scene.layer.group_add("mcp", inbox); }));
    REQUIRE(scene.run([&] { return scene.layer.group_add("mcp", inbox); }));
    scene.publish("mcp", numbered(1));
    CHECK(scene.drain(inbox) == "#1");
    REQUIRE(scene.run([&] { return scene.layer.group_discard("mcp", inbox); }));
    REQUIRE(scene.run([&] { return scene.layer.group_discard("mcp", inbox); }));
    scene.publish("mcp", numbered(2));
    CHECK(scene.drain(inbox) == "");
    REQUIRE(scene.run([&] { return scene.layer.group_add("mcp", inbox); }));
  }
  scene.publish("mcp", numbered(3));  // its inbox is gone, and with it the membership
  CHECK(ear.heard() == "#1 #2 #3");
  CHECK(scene.layer.stats().plain_channels == 0);
}

TEMPLATE_LIST_TEST_CASE("a channel with two inboxes is in a group while one of them is", "[layer][BT-12]", Worlds) {
  Scene<TestType> scene;
  Inbox first = scene.inbox("jobs");
  {
    Inbox second = scene.inbox("jobs");
    REQUIRE(scene.run([&] { return scene.layer.group_add("g", first); }));
    REQUIRE(scene.run([&] { return scene.layer.group_add("g", second); }));
    scene.publish("g", numbered(1));
    CHECK(scene.drain(first) + scene.drain(second) == "#1");
    REQUIRE(scene.run([&] { return scene.layer.group_discard("g", first); }));
    scene.publish("g", numbered(2));
    CHECK(scene.drain(first) == "#2");
  }
  scene.publish("g", numbered(3));
  CHECK(scene.drain(first) == "");
}

TEMPLATE_LIST_TEST_CASE("a membership lasts as long as its channel", "[layer][CL-23]", Worlds) {
  Scene<TestType> scene;
  Ear& ear = scene.ear_in("g");
  for (int steps = 0; steps < 20; ++steps) {  // a server's answers come in its own time
    scene.executors.advance(std::chrono::duration_cast<std::chrono::seconds>(TestType::group_expiry) / 8);
    scene.settle();
  }
  scene.publish("g", broadcast("after all that time"));
  std::string heard = ear.heard();
  if (TestType::shared) {  // the test's clock runs ahead of a real server, which may look deaf until it answers
    const std::string outage = "layer_down layer_up ";
    while (heard.starts_with(outage)) heard.erase(0, outage.size());
  }
  CHECK(heard == "after all that time");
}

TEMPLATE_LIST_TEST_CASE("members can be counted and listed", "[layer][CL-24]", Worlds) {
  if (left_out(TestType::shared, "of another process's members a layer knows one, or none")) return;
  Scene<TestType> scene;
  CHECK(scene.group_size("g") == 0);
  std::vector<std::string> expected;
  for (int i = 0; i < 5; ++i) expected.push_back(scene.ear_in("g").channel().name());
  Inbox inbox = scene.inbox("plain");
  REQUIRE(scene.run([&] { return scene.layer.group_add("g", inbox); }));
  expected.emplace_back("plain");
  Ear& left = scene.ear_in("g");
  REQUIRE(left.leave("g"));
  CHECK(scene.group_size("g") == 6);
  auto names = scene.run([&] { return scene.layer.group_channels("g"); });
  REQUIRE(names);
  std::ranges::sort(*names);
  std::ranges::sort(expected);
  CHECK(*names == expected);
  CHECK(scene.run([&] { return scene.layer.group_size("no group"); }).error().code() == ErrorCode::invalid_name);
  CHECK(scene.run([&] { return scene.layer.group_channels("no group"); }).error().code() == ErrorCode::invalid_name);
}

TEMPLATE_LIST_TEST_CASE("a group ends with its last member, however it leaves", "[layer][CL-17][CL-25]", Worlds) {
  Scene<TestType> scene;
  Ear& leaves = scene.ear_in("a");
  Ear& closes = scene.ear_in("a");
  Ear& leaves_all = scene.ear_in("b");
  REQUIRE(closes.join("b"));
  REQUIRE(closes.join("c"));
  CHECK(scene.layer.stats().groups == 3);
  REQUIRE(leaves.leave("a"));
  CHECK(scene.layer.stats().groups == 3);
  closes.close();
  scene.settle();
  CHECK(scene.layer.stats().groups == 1);
  scene.executors.at(0).run([&] { leaves_all.channel().leave_groups(); });
  scene.settle();
  CHECK(scene.layer.stats().groups == 0);
  CHECK(scene.layer.stats().channels == 2);
  REQUIRE(leaves_all.join("b"));
  scene.publish("b", broadcast("back"));
  CHECK(leaves_all.heard() == "back");
}

TEMPLATE_LIST_TEST_CASE("a plain channel without a reader stays bounded in a group, and expires", "[layer][CL-28]",
                        Worlds) {
  Scene<TestType> scene({.capacity = 10});
  {
    Inbox dead = scene.inbox("dead");
    REQUIRE(scene.run([&] { return scene.layer.group_add("g", dead); }));
    for (int i = 0; i < 200; ++i) scene.publish("g", numbered(i));
    CHECK(scene.layer.stats().dropped_full == 190);
  }
  CHECK(scene.layer.stats().groups == 0);
  scene.executors.advance(std::chrono::minutes(2));
  scene.settle();
  CHECK(scene.layer.stats().plain_channels == 0);
}

TEMPLATE_LIST_TEST_CASE("flush empties everything, and everything works on", "[layer][CL-29]", Worlds) {
  Scene<TestType> scene;
  Ear& ear = scene.ear_in("g");
  Inbox member = scene.inbox("member");
  REQUIRE(scene.run([&] { return scene.layer.group_add("g", member); }));
  detail::Reader waits(scene.executors.at(0), scene.inbox("awaited"), 1);
  for (int i = 0; i < 3; ++i) REQUIRE(scene.layer.send("jobs", numbered(i)));
  REQUIRE(scene.run([&] { return scene.layer.flush(); }));
  CHECK(scene.layer.stats().groups == 0);
  CHECK(scene.layer.stats().channels == 1);
  CHECK(ear.channel().group_count() == 0);
  scene.publish("g", broadcast("nobody"));
  CHECK(ear.heard() == "");
  CHECK(scene.drain(member) == "");
  Inbox jobs = scene.inbox("jobs");
  CHECK(scene.drain(jobs) == "");
  REQUIRE(ear.join("g"));
  REQUIRE(scene.run([&] { return scene.layer.group_add("g", member); }));
  REQUIRE(scene.layer.send("awaited", numbered(7)));
  scene.publish("g", numbered(8));
  CHECK(ear.heard() == "#8");
  CHECK(scene.drain(member) == "#8");
  CHECK(scene.becomes([&] { return waits.seen == std::vector<int>{7}; }));
}

// ---------------------------------------------------------------- the recipients of a broadcast

TEMPLATE_LIST_TEST_CASE("a broadcast reaches the members that its audience includes", "[layer][CC-26]", Worlds) {
  Scene<TestType> scene;
  Ear& ann = scene.ear_in("g", 1, "socket-a");
  Ear& ann_too = scene.ear_in("g", 1, "socket-b");
  Ear& text_one = scene.ear_in("g", "1", "socket-c");
  Ear& nobody = scene.ear_in("g", {}, "socket-d");
  Ear& no_socket = scene.ear_in("g");
  const auto heard = [&](Audience audience) {
    scene.publish("g", broadcast("x", std::move(audience)));
    std::string who;
    for (Ear* ear : {&ann, &ann_too, &text_one, &nobody, &no_socket}) who += ear->heard().empty() ? "-" : "x";
    return who;
  };
  CHECK(heard({}) == "xxxxx");
  CHECK(heard({.except_socket = "socket-a"}) == "-xxxx");
  CHECK(heard({.except_socket = "unknown"}) == "xxxxx");
  CHECK(heard({.except_users = {1}}) == "--xxx");
  CHECK(heard({.except_users = {"1"}}) == "xx-xx");
  CHECK(heard({.except_users = {UserId()}}) == "xxxxx");
  CHECK(heard({.except_socket = "socket-c", .except_users = {1}}) == "---xx");
  CHECK(heard({.only_users = {{1}}}) == "xx---");
  CHECK(heard({.except_socket = "socket-a", .only_users = {{1, 2, 3}}}) == "-x---");
  CHECK(heard({.except_users = {1}, .only_users = {{1, "1"}}}) == "--x--");
  CHECK(heard({.only_users = std::vector<UserId>()}) == "-----");
  CHECK(heard({.only_users = {{UserId()}}}) == "-----");
}

TEMPLATE_LIST_TEST_CASE("users are addressed in the group that the event goes to, and there only", "[layer][CC-29]",
                        Worlds) {
  Scene<TestType> scene;
  Ear& in_users = scene.ear_in("users", 1);
  Ear& elsewhere = scene.ear_in("other", 1);
  Ear& both = scene.ear_in("users", 2);
  REQUIRE(both.join("other"));
  scene.publish("users", Event::broadcast_to_users(json::Text("1"), {1, 2, 1, 3}));
  CHECK(in_users.heard() == "1");
  CHECK(elsewhere.heard() == "");
  CHECK(both.heard() == "1");
  scene.publish("users", Event::broadcast_to_all_users(json::Text("2")));
  CHECK(in_users.heard() + elsewhere.heard() + both.heard() == "22");
}

TEMPLATE_LIST_TEST_CASE("each user receives their own payload", "[layer][CC-25][BT-5]", Worlds) {
  Scene<TestType> scene;
  Ear& one = scene.ear_in("users", 1, "a");
  Ear& one_author = scene.ear_in("users", 1, "b");
  Ear& text = scene.ear_in("users", "ada");
  Ear& other = scene.ear_in("users", 3);
  Ear& anonymous = scene.ear_in("users");
  scene.publish("users", Event::broadcast_to_users_individual_payloads(
                             {{1, quoted("for-1")}, {"ada", quoted("for-ada")}, {4, quoted("for-4")}}, "b"));
  CHECK(one.heard() == "for-1");
  CHECK(one_author.heard() == "");
  CHECK(text.heard() == "for-ada");
  CHECK(other.heard() == "");
  CHECK(anonymous.heard() == "");
}

TEMPLATE_LIST_TEST_CASE("an event for one of ten thousand sockets costs one delivery", "[layer][BT-6]", Worlds) {
  Scene<TestType> scene;
  std::vector<Ear*> ears;
  for (int user = 0; user < 10'000; ++user) ears.push_back(&scene.ear_in("users", user));
  const auto before = scene.layer.stats().deliveries;
  scene.publish("users", Event::broadcast_to_users(quoted("hello"), {7777}));
  std::size_t visits = 0;
  for (const Ear* ear : ears) visits += ear->visits();
  CHECK(visits == 1);
  CHECK(ears[7777]->heard() == "hello");
  CHECK(scene.layer.stats().deliveries - before == 1);
}

// ---------------------------------------------------------------- counters

TEMPLATE_LIST_TEST_CASE("every event is delivered or counted as dropped", "[layer]", Worlds) {
  Scene<TestType> scene({.capacity = 2});
  scene.keep("jobs");
  Ear& ann = scene.ear_in("g");
  Ear& bob = scene.ear_in("g");
  REQUIRE(bob.join("h"));
  scene.publish("g", numbered(1));                                          // 2 deliveries
  scene.publish("h", broadcast("2"));                                       // 1
  REQUIRE(scene.layer.send(ann.channel().name(), numbered(3)));             // 1
  for (int i = 0; i < 3; ++i) (void)scene.layer.send("jobs", numbered(i));  // 2, and one too many
  (void)scene.layer.send("bad name", numbered(4));
  (void)scene.layer.group_send("bad name", numbered(4));
  scene.settle();
  const LayerStats stats = scene.layer.stats();
  CHECK(stats.group_sends == 2);
  CHECK(stats.deliveries == 6);
  CHECK(stats.dropped_full == 1);
  CHECK(stats.dropped_invalid_name == 2);
  CHECK(stats.dropped_no_channel == 0);
  CHECK(stats.channels == 2);
  CHECK(stats.groups == 2);
  const bool elsewhere = TestType::shared && TestType::keeps;  // it waits in the server
  CHECK(stats.plain_channels == (elsewhere ? 0 : 1));
}

}  // namespace sluice::SLUICE_ABI::testing
