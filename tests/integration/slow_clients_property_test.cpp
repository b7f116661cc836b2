// SPDX-License-Identifier: MIT
// What clients with slow networks receive, whatever the policies of their groups: in order, every loss reported, the
// newest of each key, nothing of a group that was left.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "integration/support/drip.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/log.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"
#include "support/silence.hpp"

using namespace sluice;
using sluice::testing::Drip;
using sluice::testing::ManualExecutor;
using sluice::testing::ManualExecutors;

namespace {

using Gate = Completion<std::monostate>;
using Random = std::mt19937;

unsigned below(Random& random, unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random); }

constexpr WhenSlow policies[] = {WhenSlow::close, WhenSlow::drop_newest, WhenSlow::drop_oldest, WhenSlow::keep_latest};

struct Orders {
  WhenSlow usual = WhenSlow::close;
  std::optional<WhenSlow> next_policy;  // of the next join
  Gate gate;
};

// Joins, leaves, answers and waits as its client says: "+group", "-group", "=text", "wait"; and says so.
class Member : public Consumer {
 public:
  explicit Member(std::map<std::string, Orders>* orders) : all_(*orders) {}

  WhenSlow when_slow() const override { return orders().usual; }
  Task<> receive(const Message& message) override {
    const std::string order(message.data().substr(1));
    if (message.data().front() == '+') {
      const auto policy = orders().next_policy;
      auto joining = policy ? group_add(order, *policy) : group_add(order);
      auto joined = co_await joining;
      if (!joined) throw std::runtime_error(joined.error().message());
      send_text("joined " + order);
    } else if (message.data().front() == '-') {
      auto left = co_await group_discard(order);
      if (!left) throw std::runtime_error(left.error().message());
      send_text("left " + order);
    } else if (message.data().front() == '=') {
      send_text("own " + order);
    } else {
      const Gate gate = orders().gate;
      co_await gate;
    }
  }
  Task<> on_gap(const Gap& gap) override {
    send_text(fmt::format("missed {} {} {}", gap.group, gap.dropped, gap.superseded));
    return {};
  }

 private:
  Orders& orders() const { return all_[std::string(scope().path())]; }
  std::map<std::string, Orders>& all_;
};

struct Sent {
  unsigned number;
  std::string key;
};

// One stay of a client in a group: all that was sent there meanwhile.
struct Stay {
  WhenSlow policy;
  std::vector<Sent> sent;
  bool ended = false;
};

struct Client {
  std::string path;
  ManualExecutor* executor = nullptr;
  std::shared_ptr<Drip> connection;
  std::shared_ptr<ConnectionEvents> events;
  bool stalls = false, waits = false;
  std::vector<unsigned> own;
  std::map<std::string, std::vector<Stay>> stays;  // by group

  bool in(const std::string& group) {
    const auto& all = stays[group];
    return !all.empty() && !all.back().ended;
  }
  void say(std::string text) {
    executor->run([&] { events->on_message(Message::text(std::move(text))); });
  }
};

// Reads what a client has received beside what was sent to its groups.
class Reading {
 public:
  explicit Reading(Client& client) : client_(client) {}

  void read() {
    FrameReader reader(client_.connection->received());
    while (const auto item = reader.next()) line(std::string(item.payload));
    if (client_.connection->closed()) return;  // it knows that it does not know
    for (auto& [group, all] : client_.stays) {
      CAPTURE(group);
      if (all.empty()) continue;
      CHECK(at_[group].stay + (in_.contains(group) ? 1 : 0) == all.size());
      if (in_.contains(group)) end(group, all.back());
    }
    CHECK(own_ == client_.own.size());
  }
  unsigned broadcasts = 0, gaps = 0;
  std::uint64_t superseded = 0;

 private:
  struct At {
    std::size_t stay = 0;
    std::size_t next = 0;  // of the stay's messages
    std::uint64_t missing = 0, dropped = 0, superseded = 0;
    std::map<std::string, unsigned> latest;
  };

  void line(const std::string& text) {
    std::istringstream words(text);
    std::string verb, group;
    words >> verb >> group;
    if (verb == "own") {
      const unsigned number = client_.own[own_++];
      REQUIRE(group == std::to_string(number));
      in_order(number);
    } else if (verb == "joined") {
      REQUIRE(in_.insert(group).second);
    } else if (verb == "left") {
      REQUIRE(in_.erase(group) == 1);
      At& at = at_[group];
      REQUIRE(told(at) <= at.missing + client_.stays[group][at.stay].sent.size() - at.next);
      at = {at.stay + 1, 0, 0, 0, 0, {}};
    } else if (verb == "missed") {
      REQUIRE(in_.contains(group));
      std::uint64_t dropped = 0, replaced = 0;
      words >> dropped >> replaced;
      REQUIRE(dropped + replaced > 0);
      REQUIRE(client_.stays[group][at_[group].stay].policy != WhenSlow::close);
      at_[group].dropped += dropped;
      at_[group].superseded += replaced;
      superseded += replaced;
      ++gaps;
    } else {
      broadcast(verb, static_cast<unsigned>(std::stoul(group)));
    }
  }
  void broadcast(const std::string& group, unsigned number) {
    ++broadcasts;
    REQUIRE(in_.contains(group));  // never after the leave
    in_order(number);
    At& at = at_[group];
    const auto& sent = client_.stays[group][at.stay].sent;
    while (at.next < sent.size() && sent[at.next].number < number) {
      ++at.missing;
      ++at.next;
    }
    REQUIRE(at.next < sent.size());
    REQUIRE(sent[at.next].number == number);
    REQUIRE(told(at) <= at.missing);
    const WhenSlow policy = client_.stays[group][at.stay].policy;
    if (policy == WhenSlow::drop_newest) REQUIRE(told(at) == at.missing);
    at.latest[sent[at.next].key] = number;
    ++at.next;
  }
  void in_order(unsigned number) {
    REQUIRE(number > last_);  // of all groups, and the client's own
    last_ = number;
  }
  // Everything has been received, so that every missing message was reported.
  void end(const std::string& group, const Stay& stay) {
    At& at = at_[group];
    at.missing += stay.sent.size() - at.next;
    CHECK(told(at) == at.missing);
    if (stay.policy == WhenSlow::close) CHECK(at.missing == 0);
    if (stay.policy != WhenSlow::keep_latest) CHECK(at.superseded == 0);
    if (stay.policy != WhenSlow::keep_latest || at.dropped > 0) return;
    std::map<std::string, unsigned> newest;
    for (const Sent& one : stay.sent) newest[one.key] = one.number;
    CHECK(at.latest == newest);
  }
  static std::uint64_t told(const At& at) { return at.dropped + at.superseded; }

  Client& client_;
  std::map<std::string, At> at_;
  std::set<std::string> in_;
  std::size_t own_ = 0;
  unsigned last_ = 0;
};

}  // namespace

TEST_CASE("a slow client receives what its groups' policies keep, in order, and gaps for the rest", "[integration]") {
  const auto seed = GENERATE(range(1U, 61U));
  CAPTURE(seed);
  Random random(seed);
  const test::Silence silence;
  ManualExecutors executors(2);
  InMemoryChannelLayer layer(executors);
  std::map<std::string, Orders> orders;
  HostOptions options;
  options.limits.slow_bytes = 300;
  options.limits.backlog_messages = 2 + below(random, 15);
  // In some houses there is little room: what must be kept closes its client, and a busy consumer's mailbox is full.
  const bool little_room = seed % 3 == 0;
  options.limits.queued_bytes = little_room ? 12'000 : 4'000'000;
  Host host(consumer<Member>(&orders), layer, options);
  std::vector<Client> clients(8);
  for (unsigned i = 0; i < clients.size(); ++i) {
    Client& client = clients[i];
    client.path = "/" + std::to_string(i);
    orders[client.path].usual = policies[below(random, 4)];
    client.executor = &executors.at(i % 2);
    client.connection = std::make_shared<Drip>(*client.executor);
    RequestInfo request;
    request.path = client.path;
    client.events =
        client.executor->run([&] { return host.open(Scope(request), client.connection, *client.executor); });
    client.connection->attach(client.events);
  }
  executors.run_all();

  unsigned number = 0;
  for (unsigned turn = 0; turn < 400; ++turn) {
    Client& client = clients[below(random, 8)];
    const std::string group = "g" + std::to_string(below(random, 4));
    switch (below(random, 10)) {
      case 0:
      case 1: {
        if (client.waits || client.in(group)) break;
        const WhenSlow policy = policies[below(random, 4)];
        Orders& given = orders[client.path];
        given.next_policy = below(random, 4) == 0 ? std::nullopt : std::optional(policy);
        client.stays[group].push_back({given.next_policy.value_or(given.usual), {}});
        client.say("+" + group);
        break;
      }
      case 2:
        if (client.waits || !client.in(group) || below(random, 2) == 0) break;
        client.stays[group].back().ended = true;
        client.say("-" + group);
        break;
      case 3:
        if (client.waits) break;
        client.own.push_back(++number);
        client.say("=" + std::to_string(number));
        break;
      case 4: client.stalls = below(random, 3) > 0; break;
      case 5:
        if (client.waits) {
          orders[client.path].gate.resolve({});
          client.waits = false;
        } else if (below(random, 4) == 0) {
          client.waits = true;
          orders[client.path].gate = Gate();
          client.say("wait");
        }
        break;
      default:
        for (unsigned burst = 1 + below(random, 12); burst > 0; --burst) {
          const std::string where = "g" + std::to_string(below(random, 4));
          const std::string key = below(random, 5) == 0 ? "" : "k" + std::to_string(below(random, 3));
          const std::string text = fmt::format("{} {} {}", where, ++number, std::string(below(random, 200), 'x'));
          REQUIRE(layer.group_send(where, Event::broadcast_to_group(Payload(json::Text(text), key))));
          for (Client& each : clients) {
            if (each.in(where)) each.stays[where].back().sent.push_back({number, key});
          }
        }
    }
    executors.run_all();
    for (Client& each : clients) {
      auto& frames = each.executor->local<FrameBuffer>();
      const std::size_t bytes = each.stalls ? 0 : below(random, 2'000);
      each.executor->run([&] { each.connection->take(bytes, frames); });
    }
    executors.run_all();
  }

  unsigned broadcasts = 0, gaps = 0;
  std::uint64_t superseded = 0;
  for (Client& client : clients) {
    if (client.waits) orders[client.path].gate.resolve({});
    executors.run_all();
    auto& frames = client.executor->local<FrameBuffer>();
    for (int i = 0; i < 2'000 && client.connection->queued_bytes() > 0; ++i) {
      client.executor->run([&] { client.connection->take(SIZE_MAX, frames); });
      executors.run_all();
    }
    CAPTURE(client.path);
    REQUIRE((little_room || !client.connection->closed()));
    Reading reading(client);
    reading.read();
    broadcasts += reading.broadcasts;
    gaps += reading.gaps;
    superseded += reading.superseded;
    client.executor->run([&] { client.events->on_closed(CloseReason()); });
  }
  CHECK(broadcasts > 0);
  CHECK(gaps > 0);
  CHECK(superseded > 0);
  if (!little_room) CHECK(gaps == host.stats().gaps_told);
  executors.run_all();
  CHECK(layer.stats().groups == 0);
  for (std::size_t i = 0; i < 2; ++i) {  // nothing that waited is kept
    CHECK(executors.at(i).local<FrameBuffer>().allocated_bytes() <= 2 * 64 * 1024);
  }
}
