// SPDX-License-Identifier: MIT
// Many threads at once, for ThreadSanitizer: nothing is lost, and each sender's order is kept.
#include <array>
#include <atomic>
#include <charconv>
#include <set>

#include "integration/support/loop_executors.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/core/block_on.hpp"
#include "sluice/core/worker_pool.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/recording_connection.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

class Member : public Consumer {
 public:
  Task<> connect() override {
    accept();
    auto joined = co_await group_add("g");
    if (!joined) throw std::runtime_error(joined.error().message());
  }
  Task<> receive(const Message&) override {
    auto left = co_await group_discard("g");
    auto joined = co_await group_add("g");
    if (!left || !joined) throw std::runtime_error("left or joined");
  }
  Task<> told(const Event& event) {
    send_text(std::string(event.value()["text"].as_string().value_or("?")));
    return {};
  }
  const EventHandlers& event_handlers() const override {
    static const auto handlers = EventHandlers{}.on("told", &Member::told);
    return handlers;
  }
};

// A browser on a thread of its own executor.
class Browser {
 public:
  Browser(LoopExecutor& executor, Gateway& gateway)
      : executor_(executor), connection_(std::make_shared<RecordingConnection>(executor)) {
    executor_.call([&] { connection_->open(gateway, Scope()); });
  }
  Browser(Browser&&) = default;
  void say(std::string text) {
    executor_.post([connection = connection_, text] { connection->say(Message::text(text)); });
  }
  void vanish() {
    executor_.post([connection = connection_] { connection->vanish(); });
  }
  /// How many it has heard.
  std::size_t messages() {
    return executor_.call([this] { return connection_->untaken().size() - 1; });
  }
  std::string transcript() {
    return executor_.call([this] { return connection_->transcript(); });
  }

 private:
  LoopExecutor& executor_;
  std::shared_ptr<RecordingConnection> connection_;
};

struct Lines {
  std::array<std::vector<int>, 4> of_sender;
  std::string odd;
};

// "text: 2 17" is the 17th of sender 2.
Lines parse(std::string_view transcript) {
  Lines lines;
  while (!transcript.empty()) {
    const std::string_view line = transcript.substr(0, transcript.find('\n'));
    transcript.remove_prefix(std::min(line.size() + 1, transcript.size()));
    if (!line.starts_with("text: ")) {
      if (line != "accept") lines.odd += line;
      continue;
    }
    int number = 0;
    std::from_chars(line.data() + 8, line.data() + line.size(), number);
    lines.of_sender[static_cast<std::size_t>(line[6] - '0')].push_back(number);
  }
  return lines;
}

Event numbered(int sender, int number) {
  const std::string text = std::to_string(sender) + " " + std::to_string(number);
  if (number % 5) return Event::broadcast_to_group(json::Text(text));
  return Event::parse(R"({"type":"told","text":")" + text + "\"}").value();
}

constexpr int senders = 4;
constexpr int rounds = 2'000;

}  // namespace

TEST_CASE("four threads publish to members on two executors, while others come and go", "[integration][CL-18][CL-27]") {
  LoopExecutors executors(2);
  InMemoryChannelLayer layer(executors, {.capacity = 100'000});
  HostOptions options;
  options.limits.queued_bytes = 1 << 30;
  Host host(consumer<Member>(), layer, options);
  std::vector<Browser> members;
  for (std::size_t i = 0; i < 8; ++i) members.emplace_back(executors.at(i % 2), host);
  executors.settle();

  std::atomic<bool> publishing = true;
  std::vector<std::thread> threads;
  for (int sender = 0; sender < senders; ++sender) {
    threads.emplace_back([&, sender] {
      for (int i = 0; i < rounds; ++i) {
        if (!layer.group_send("g", numbered(sender, i))) std::abort();
      }
    });
  }
  std::thread churn([&] {
    for (int i = 0; publishing; ++i) {
      Browser guest(executors.at(static_cast<std::size_t>(i % 2)), host);
      guest.say("leave and come back");
      guest.vanish();
      const auto size = block_on(layer.group_size("g"));
      if (!size || *size < members.size()) std::abort();
    }
  });
  for (std::thread& thread : threads) thread.join();
  publishing = false;
  churn.join();
  const auto all_heard = [&](Browser& member) { return member.messages() == senders * rounds; };
  CHECK(executors.settle_until([&] { return std::ranges::all_of(members, all_heard); }));

  for (Browser& member : members) {
    const Lines lines = parse(member.transcript());
    CHECK(lines.odd == "");
    for (const auto& heard : lines.of_sender) {
      CHECK(heard.size() == rounds);
      CHECK(std::ranges::adjacent_find(heard, [](int a, int b) { return b != a + 1; }) == heard.end());
    }
  }
  CHECK(layer.stats().group_sends == senders * rounds);
  CHECK(host.stats().failed_handlers == 0);
  for (Browser& member : members) member.vanish();
  CHECK(executors.settle_until([&] { return host.stats().connections == 0; }));
  CHECK(layer.stats().channels == 0);
  CHECK(layer.stats().groups == 0);
}

namespace {

Task<> read_all(Inbox& inbox, std::vector<int>& seen, std::atomic<int>& total) {
  for (;;) {
    auto event = co_await inbox.receive();
    if (!event) co_return;
    const int number = static_cast<int>(event->value()["n"].as_int().value_or(-1));
    if (number < 0) co_return;
    seen.push_back(number);
    ++total;
  }
}

}  // namespace

TEST_CASE("threads that share a plain channel each get other events", "[integration][CL-8]") {
  LoopExecutors executors(2);
  InMemoryChannelLayer layer(executors, {.capacity = 1'000'000});
  std::array<std::vector<int>, 3> seen;
  std::atomic<int> total = 0;
  std::vector<std::thread> readers;
  for (auto& mine : seen) {
    readers.emplace_back([&] {
      auto inbox = block_on(layer.open_inbox("jobs"));
      if (!inbox) std::abort();
      block_on(read_all(*inbox, mine, total));
    });
  }
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 3; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 3'000; ++i) {
        const std::string number = std::to_string(writer * 10'000 + i);
        if (!layer.send("jobs", Event::parse(R"({"type":"job","n":)" + number + "}").value())) std::abort();
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  for (std::size_t i = 0; i < readers.size(); ++i) REQUIRE(layer.send("jobs", Event::named("stop")));
  for (std::thread& reader : readers) reader.join();
  CHECK(total == 9'000);
  std::set<int> all;
  for (const auto& mine : seen) all.insert(mine.begin(), mine.end());
  CHECK(all.size() == 9'000);
}

namespace {

class Thinker : public Consumer {
 public:
  Thinker(WorkerPool* pool, std::atomic<int>* alive) : pool_(*pool), alive_(*alive) { ++alive_; }
  ~Thinker() override { --alive_; }
  Task<> receive(const Message& message) override {
    auto thought = pool_.run([said = std::string(message.data())] { return said + "!"; });
    const std::string answer = co_await thought;
    send_text(answer);
  }
  Task<> disconnect(const CloseReason&) override {
    auto farewell = pool_.run([] { return 0; });
    co_await farewell;
  }

 private:
  WorkerPool& pool_;
  std::atomic<int>& alive_;
};

}  // namespace

TEST_CASE("handlers wait for a pool's threads while their clients leave", "[integration][LC-26]") {
  WorkerPool pool(2);
  LoopExecutors executors(2);
  std::atomic<int> alive = 0;
  Host host(consumer<Thinker>(&pool, &alive));
  for (int round = 0; round < 200; ++round) {
    std::vector<Browser> browsers;
    for (std::size_t i = 0; i < 4; ++i) browsers.emplace_back(executors.at(i % 2), host);
    for (Browser& browser : browsers) {
      browser.say("one");
      browser.say("two");
    }
    for (std::size_t i = static_cast<std::size_t>(round) % 2; i < browsers.size(); i += 2) browsers[i].vanish();
    for (Browser& browser : browsers) browser.vanish();
  }
  CHECK(executors.settle_until([&] { return alive == 0 && host.stats().connections == 0; }));
  CHECK(host.stats().opened == 800);
  CHECK(host.stats().failed_handlers == 0);
}

TEST_CASE("executors may end while connections live", "[integration]") {
  for (int round = 0; round < 50; ++round) {
    LoopExecutors executors(2);
    InMemoryChannelLayer layer(executors);
    Host host(consumer<Member>(), layer);
    std::vector<Browser> members;
    for (std::size_t i = 0; i < 4; ++i) members.emplace_back(executors.at(i % 2), host);
    for (int i = 0; i < 10; ++i) REQUIRE(layer.group_send("g", numbered(0, i)));
    for (std::size_t i = 0; i < 2; ++i) executors.at(i).stop();
  }
  SUCCEED("the sanitizers saw nothing");
}

TEST_CASE("an event is shared by the executors that read it", "[integration][DI-11]") {
  LoopExecutors executors(4);
  for (int round = 0; round < 200; ++round) {
    const Event event = Event::broadcast_to_users(json::Text("{\"a\":1}"), {1, 2}, "s");
    std::atomic<int> right = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      executors.at(i).post([event, &right] {
        if (event.value()["user_ids"].at(1).as_int() == 2 && !event.text().empty()) ++right;
      });
    }
    executors.settle();
    REQUIRE(right == 4);
  }
}
