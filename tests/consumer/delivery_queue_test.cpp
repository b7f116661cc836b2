// SPDX-License-Identifier: MIT
#include "consumer/delivery_queue.hpp"

#include <fmt/format.h>

#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/testing/manual_executor.hpp"
#include "sluice/testing/recording_connection.hpp"
#include "support/catch.hpp"

using namespace sluice;
using sluice::testing::ManualExecutor;
using sluice::testing::RecordingConnection;

namespace {

using Next = DeliveryQueue::Next;
using Admission = DeliveryQueue::Admission;

using Groups = std::set<std::string, std::less<>>;

// The groups of a channel that no layer has opened.
class Membership final : public Channel::Membership {
 public:
  explicit Membership(const Groups& groups) : groups_(groups) {}
  std::string name() const override { return "test"; }
  std::size_t capacity() const noexcept override { return 100; }
  std::size_t group_count() const noexcept override { return groups_.size(); }
  bool in_group(std::string_view group) const noexcept override { return groups_.contains(group); }
  void leave_groups() override {}
  Task<Result<void>> join(std::string_view) override { return Result<void>(); }
  Task<Result<void>> leave(std::string_view) override { return Result<void>(); }
  const void* origin() const noexcept override { return this; }

 private:
  const Groups& groups_;
};

// Ignores the connection's calls: the queue under test is called by hand.
class Deaf final : public ConnectionEvents {
 public:
  explicit Deaf(int& drained) : drained_(drained) {}
  void on_message(Message) override {}
  void on_drained() override { ++drained_; }
  void on_stop(const CloseReason&) override {}
  void on_closed(const CloseReason&) override {}

 private:
  int& drained_;
};

HostOptions tight() {
  HostOptions options;
  options.limits.queued_bytes = 20'000;
  options.limits.slow_bytes = 100;
  options.limits.backlog_bytes = 10'000;
  options.limits.backlog_messages = 3;
  return options;
}

// A queue whose client is in the groups "prices" and "news", and the connection that it writes to. Texts are short.
class Client {
 public:
  Client() {
    connection->attach(std::make_shared<Deaf>(drained));
    connection->accept({});
    connection->take_transcript();
  }

  DeliveryQueue::Context context() { return {host, frames, channel, mail_bytes}; }
  Frame frame(std::string_view text) { return frames.encode(MessageKind::text, text); }
  // A message of the consumer itself, as a session sends it.
  Next send(std::string_view text) { return put(frame(text), {}, WhenSlow::close, {}); }
  // One broadcast each, that the mailbox has held.
  Next put(std::string_view group, std::string_view text, std::string_view key = {}) {
    return put(frame(text), group, queue.policy_of(group), key);
  }
  // Broadcasts that arrive together.
  Next deliver(std::string_view group, std::vector<std::string> texts) {
    std::vector<Delivery> deliveries;
    Frame joined;
    for (const std::string& text : texts) {
      deliveries.push_back({Event::named("broadcast"), frame(text), {}});
      if (joined.empty()) {
        joined = deliveries.back().frame;
      } else {
        REQUIRE(joined.extend(deliveries.back().frame));
      }
    }
    const DeliveryRun run{deliveries, joined, BroadcastKind::to_group, group};
    if (!queue.take_credit(joined)) return queue.deliver(run, context());
    connection->send(joined);
    return Next::nothing;
  }
  void miss(std::string_view group, std::size_t messages) {
    const std::vector<Delivery> deliveries(messages, {Event::named("broadcast"), {}, {}});
    const Frame joined;
    queue.miss({deliveries, joined, BroadcastKind::to_group, group}, host);
  }
  // The network takes nothing from here on, and a long message makes the client slow.
  void stall() {
    connection->stall(SIZE_MAX);
    connection->send(frame(std::string(200, '.')));
    connection->take_transcript();
  }
  // It takes all that is queued.
  void drain() {
    connection->unstall();
    executor.run_all();
  }
  // The gap's turn: "2+1 of prices".
  std::string gap() {
    const auto gap = queue.begin_gap();
    return gap ? fmt::format("{}+{} of {}", gap->dropped, gap->superseded, gap->group) : "none";
  }
  // What the connection was sent since, in one line: "1; 2".
  std::string sent() {
    std::string line;
    for (std::string_view rest = written = connection->take_transcript(); !rest.empty();) {
      const auto end = rest.find('\n');
      std::string_view one = rest.substr(0, end);
      if (one.starts_with("text: ")) one.remove_prefix(6);
      line += (line.empty() ? "" : "; ") + std::string(one);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    return line;
  }

  ManualExecutor executor;
  HostState host{nullptr, nullptr, tight()};
  FrameBuffer frames;
  Groups groups{"news", "prices"};
  Channel channel{std::make_unique<Membership>(groups)};
  std::size_t mail_bytes = 0;
  int drained = 0;
  std::string written;
  std::shared_ptr<RecordingConnection> connection = std::make_shared<RecordingConnection>(executor);
  DeliveryQueue queue{connection};

 private:
  Next put(const Frame& frame, std::string_view group, WhenSlow when_slow, std::string_view key) {
    if (!queue.take_credit(frame)) return queue.send(frame, group, when_slow, key, context());
    connection->send(frame);
    return Next::nothing;
  }
};

}  // namespace

TEST_CASE("a queue without a policy sends everything, and its connection limits a slow client", "[consumer]") {
  Client client;
  client.stall();
  CHECK(client.send("1") == Next::nothing);
  CHECK(client.deliver("prices", {"2", "3"}) == Next::nothing);
  CHECK(client.sent() == "1; 2; 3");
  CHECK(!client.queue.may_drop());
  CHECK(!client.queue.behind());
}

TEST_CASE("a queue spends its credit before it looks at the connection's queue again", "[consumer]") {
  Client client;
  client.queue.set_policy("prices", WhenSlow::drop_oldest);
  CHECK(client.put("prices", "1") == Next::nothing);  // the first look gives 100 bytes less what is queued
  client.connection->set_queued_bytes(1000);
  const Frame forty = client.frame(std::string(38, 'x'));
  CHECK(client.queue.take_credit(forty));
  CHECK(client.queue.take_credit(forty));
  CHECK(!client.queue.take_credit(forty));
  CHECK(client.put("prices", "2") == Next::nothing);  // 20 bytes of credit are left for this one
  CHECK(!client.queue.behind());
  CHECK(client.deliver("prices", {std::string(30, 'y')}) == Next::nothing);
  CHECK(client.queue.behind());
  CHECK(client.put("prices", "3") == Next::nothing);  // what is left of the credit lets nothing overtake
  CHECK(client.sent() == "1; 2");
}

TEST_CASE("messages for a client that is behind wait in their order, and follow when its connection has drained",
          "[consumer]") {
  Client client;
  client.queue.set_policy("prices", WhenSlow::drop_oldest);
  client.stall();
  client.put("prices", "1");
  client.send("own");
  client.put("news", "2");  // of a group that drops nothing
  CHECK(client.sent() == "");
  CHECK(client.queue.behind());
  CHECK(client.host.counters.slow_clients == 1);
  client.drain();
  CHECK(client.drained == 1);
  CHECK(client.queue.catch_up(client.context()) == Next::nothing);
  CHECK(client.sent() == "1; own; 2");
  CHECK(!client.queue.behind());
  CHECK(client.host.backlogs.bytes == 0);
}

TEST_CASE("a slow client is behind only from the first message that may be dropped", "[consumer]") {
  Client client;
  client.queue.set_policy("prices", WhenSlow::drop_oldest);
  client.stall();
  client.send("own");
  CHECK(client.sent() == "own");
  CHECK(!client.queue.behind());
  client.put("prices", "1");
  client.send("own again");
  CHECK(client.sent() == "");
}

TEST_CASE("a policy of a group beats the default, and an empty group drops nothing", "[consumer]") {
  Client client;
  client.queue.set_default_policy(WhenSlow::close);
  CHECK(!client.queue.may_drop());
  client.queue.set_default_policy(WhenSlow::keep_latest);
  client.queue.set_policy("prices", WhenSlow::drop_newest);
  CHECK(client.queue.policy_of("prices") == WhenSlow::drop_newest);
  CHECK(client.queue.policy_of("news") == WhenSlow::keep_latest);
  CHECK(client.queue.policy_of("") == WhenSlow::close);
  CHECK(client.queue.leave("prices") == 0);
  CHECK(client.queue.policy_of("prices") == WhenSlow::keep_latest);
}

TEST_CASE("dropped messages become a gap, and messages sent at the gap precede later ones", "[consumer]") {
  Client client;
  client.queue.set_policy("prices", WhenSlow::drop_oldest);
  client.stall();
  CHECK(client.deliver("prices", {"1", "2", "3", "4", "5"}) == Next::nothing);
  CHECK(client.host.counters.dropped_oldest == 2);
  client.drain();
  client.sent();
  CHECK(client.queue.catch_up(client.context()) == Next::notify_gap);
  CHECK(client.queue.catch_up(client.context()) == Next::nothing);  // it is announced once
  CHECK(client.gap() == "2+0 of prices");
  CHECK(client.queue.in_gap());
  client.send("you missed two");
  client.put("news", "6");
  CHECK(client.sent() == "you missed two");
  CHECK(client.queue.end_gap(client.context()) == Next::nothing);
  CHECK(!client.queue.in_gap());
  CHECK(client.sent() == "3; 4; 5; 6");
}

TEST_CASE("a gap whose group was left before its turn is no gap any more", "[consumer]") {
  Client client;
  client.queue.set_policy("prices", WhenSlow::drop_newest);
  client.stall();
  for (const char* text : {"1", "2", "3", "4"}) client.put("prices", text);
  client.put("news", "kept");
  client.drain();
  client.sent();
  CHECK(client.queue.catch_up(client.context()) == Next::notify_gap);
  CHECK(client.sent() == "1; 2; 3");
  client.groups.erase("prices");
  CHECK(client.queue.leave("prices") == 0);
  CHECK(client.gap() == "none");
  CHECK(client.queue.catch_up(client.context()) == Next::nothing);
  CHECK(client.sent() == "kept");
}

TEST_CASE("broadcasts of a group that was left through the layer are not sent", "[consumer]") {
  Client client;
  client.queue.set_policy("prices", WhenSlow::drop_oldest);
  client.stall();
  client.put("prices", "1");
  client.put("news", "2");
  client.groups.erase("prices");
  client.drain();
  client.sent();
  CHECK(client.queue.catch_up(client.context()) == Next::nothing);
  CHECK(client.sent() == "2");
  CHECK(client.host.counters.dropped_at_close == 1);
}

TEST_CASE("a client that is behind catches up a slow mark's worth of bytes at a time", "[consumer]") {
  Client client;
  client.queue.set_policy("prices", WhenSlow::drop_oldest);
  client.stall();
  for (const char* text : {"a", "b", "c"}) client.put("prices", std::string(80, *text));
  client.drain();
  client.sent();
  CHECK(client.queue.catch_up(client.context()) == Next::nothing);
  CHECK(client.sent() == std::string(80, 'a') + "; " + std::string(80, 'b'));
  CHECK(client.queue.behind());
  client.executor.run_all();
  CHECK(client.drained == 2);  // it has asked for another call
  CHECK(client.queue.catch_up(client.context()) == Next::nothing);
  CHECK(client.sent() == std::string(80, 'c'));
  CHECK(!client.queue.behind());
}

TEST_CASE("messages that may not be dropped close a client past the bound on all, the mailbox's bytes included",
          "[consumer]") {
  Client client;
  client.queue.set_policy("prices", WhenSlow::drop_oldest);
  client.stall();
  client.put("prices", "1");
  client.mail_bytes = 10'000;
  CHECK(client.send(std::string(5'000, 'x')) == Next::nothing);
  CHECK(client.send(std::string(5'000, 'x')) == Next::close_slow_client);
  client.queue.drop_waiting();
  CHECK(!client.queue.behind());
  CHECK(client.host.backlogs.bytes == 0);
}

TEST_CASE("broadcasts for a consumer with mail wait, are missed or close their client", "[consumer]") {
  Client client;
  const ConsumerLimits& limits = client.host.options.limits;
  const auto admit = [&](std::size_t bytes, WhenSlow policy, std::size_t mail_bytes) {
    return client.queue.admit(bytes, policy, mail_bytes, limits);
  };
  CHECK(admit(10'000, WhenSlow::close, 10'000) == Admission::wait);
  CHECK(admit(10'001, WhenSlow::close, 10'000) == Admission::close_slow_client);
  client.queue.set_policy("prices", WhenSlow::drop_newest);
  CHECK(admit(10'001, WhenSlow::drop_newest, 10'000) == Admission::miss);
  client.stall();  // 204 bytes are queued from here on
  CHECK(admit(9'796, WhenSlow::drop_newest, 10'000) == Admission::wait);
  CHECK(admit(9'797, WhenSlow::drop_newest, 10'000) == Admission::miss);
  client.put("prices", "1");  // and these wait as well
  CHECK(admit(9'796, WhenSlow::drop_newest, 10'000) == Admission::miss);
  client.miss("prices", 1);
  CHECK(admit(1, WhenSlow::drop_newest, 0) == Admission::miss);  // none overtakes one that was missed
  CHECK(admit(1, WhenSlow::close, 0) == Admission::wait);
}

TEST_CASE("missed broadcasts become a gap of each group behind what was sent", "[consumer]") {
  Client client;
  client.queue.set_default_policy(WhenSlow::drop_newest);
  CHECK(!client.queue.has_missed());
  client.miss("prices", 2);
  client.miss("news", 1);
  client.miss("prices", 1);
  CHECK(client.queue.has_missed());
  CHECK(client.host.counters.dropped_newest == 4);
  client.groups.erase("news");
  client.queue.take_missed(false, client.context());
  CHECK(!client.queue.has_missed());
  CHECK(client.queue.catch_up(client.context()) == Next::notify_gap);
  CHECK(client.gap() == "3+0 of prices");
  CHECK(client.queue.end_gap(client.context()) == Next::nothing);
  CHECK(!client.queue.behind());
  client.miss("prices", 1);
  client.queue.take_missed(true, client.context());
  CHECK(!client.queue.has_missed());
  CHECK(!client.queue.behind());
}

TEST_CASE("waiting messages are sent before a close, without the gaps", "[consumer]") {
  Client client;
  client.queue.set_policy("prices", WhenSlow::drop_oldest);
  client.stall();
  client.deliver("prices", {"1", "2", "3", "4"});
  client.send("bye");
  client.queue.flush(client.context());
  CHECK(client.sent() == "2; 3; 4; bye");
  CHECK(!client.queue.behind());
}
