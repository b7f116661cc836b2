// SPDX-License-Identifier: MIT
// The connection of a bus breaks at any byte, and memory ends at any allocation: every message has an outcome, what
// arrives arrives once and in order, and the bus comes back.
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "nats/support/bus_world.hpp"
#include "nats/support/cutting_proxy.hpp"
#include "sluice/abi.hpp"
#include "support/failing_allocations.hpp"

namespace sluice::SLUICE_ABI::nats {
namespace {

constexpr int messages = 5;

// Joins a group again and again until that stands, as a layer would, then sends until all messages have an outcome.
// What was not sent is sent again.
class Conversation {
 public:
  Conversation(testing::ManualExecutor& executor, const NatsOptions& options) : peer(executor, options) {
    peer.on_down = [this] { in_group = false; };
    peer.on_up = [this] { peer.bus().subscribe(group("g"), [this](const Result<void>&) { joined(); }); };
    for (int i = 0; i < messages; ++i) {
      outcomes.push_back(std::make_shared<std::string>());
      waiting.push_back(std::make_shared<SentMessage>(
          BusTarget::group, "g", R"({"type":"number","n":)" + std::to_string(i) + "}", outcomes.back()));
    }
  }
  void joined() {
    in_group = true;
    waiting.insert(waiting.begin(), peer.kept.begin(), peer.kept.end());
    peer.kept.clear();
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      auto message = std::move(waiting[i]);
      try {
        if (!peer.bus().publish(message)) throw std::logic_error("there was room");
      } catch (const std::bad_alloc&) {
        message->failed({ErrorCode::io_failed, "no memory"});  // as the layer does
      }
    }
    waiting.clear();
  }
  bool is_over() const {
    return std::ranges::none_of(outcomes, [](const Outcome& outcome) { return outcome->empty(); });
  }

  Peer peer;
  bool in_group = false;
  std::vector<Outcome> outcomes;
  std::vector<std::shared_ptr<BusMessage>> waiting;
};

// Each number at most once, in order. What the server confirmed has arrived, or a loss was reported behind it: then
// consumers receive LayerDown.
void check_heard(testing::ManualExecutor& executor, const Conversation& talk, std::size_t nth) {
  INFO("round " << nth << "; heard " << talk.peer.heard);
  std::size_t at = 0;
  for (int i = 0; i < messages; ++i) {
    const std::string one = fmt::format("g:{}", i);
    const std::size_t found = talk.peer.heard.find(one);
    const bool confirmed = *talk.outcomes[static_cast<std::size_t>(i)] == "reached 1";
    if (found == std::string::npos) {
      if (confirmed) CHECK(executor.run_until([&] { return talk.peer.losses() > 0; }));
      continue;
    }
    CHECK(found >= at);
    CHECK(talk.peer.heard.find(one, found + 1) == std::string::npos);
    at = found;
  }
}

// Waits for all that was sent to the peer: until it hears a last message. A loss that is on its way may come between.
bool catches_up(testing::ManualExecutor& executor, Conversation& talk) {
  Peer& peer = talk.peer;
  for (;;) {
    const std::size_t losses = peer.losses();
    if (!executor.run_until([&] { return talk.in_group; })) return false;
    (void)peer.send("g", 99);
    if (!executor.run_until([&] { return peer.heard.ends_with("g:99") || peer.losses() > losses; })) return false;
    if (peer.losses() == losses) return true;
    peer.kept.clear();
  }
}

}  // namespace

TEST_CASE("a connection may break at any byte", "[nats]") {
  World world;
  CuttingProxy proxy(world.server.port());
  std::size_t whole = 0, cuts = 0;
  for (std::size_t cut = 1; whole == 0; ++cut) {
    proxy.cut_after(cut);
    Conversation talk(world.executor, quick(proxy.url()));
    REQUIRE(world.executor.run_until([&] { return talk.is_over(); }));
    if (!proxy.has_cut()) whole = cut;
    proxy.cut_after(CuttingProxy::never);
    REQUIRE(catches_up(world.executor, talk));
    check_heard(world.executor, talk, cut);
    cuts += talk.peer.downs;
  }
  CHECK(cuts > 50);    // others came before it was up
  CHECK(whole > 500);  // INFO alone is longer
}

TEST_CASE("an allocation of the bus may fail, whichever it is", "[nats]") {
  World world;
  std::size_t nth = 1;
  for (bool failed = true; failed; ++nth) {
    Conversation talk(world.executor, quick(world.server.url()));
    {
      const testing::FailingElsewhere fails(nth);
      REQUIRE(world.executor.run_until([&] { return talk.is_over(); }));
      failed = fails.failed();
    }
    REQUIRE(catches_up(world.executor, talk));
    check_heard(world.executor, talk, nth);
  }
  CHECK(nth > 10);
}

TEST_CASE("an allocation on the executor of a bus may fail, whichever it is", "[nats]") {
  World world;
  std::size_t nth = 1;
  for (bool failed = true; failed; ++nth) {
    Conversation talk(world.executor, quick(world.server.url()));
    talk.peer.make_notes = [] {
      const std::size_t before = std::exchange(testing::fail_in, 0);
      return std::shared_ptr<void>(nullptr, [before](void*) { testing::fail_in = before; });
    };
    {
      const testing::FailingAllocation fails(nth);
      REQUIRE(world.executor.run_until([&] { return talk.is_over(); }));
      failed = fails.failed();
    }
    REQUIRE(catches_up(world.executor, talk));
    check_heard(world.executor, talk, nth);
  }
  CHECK(nth > 5);
}

TEST_CASE("a loss is reported, though there is no memory for the report at first", "[nats]") {
  World world;
  Peer& ann = world.peer();
  world.executor.fail_post(1);
  world.server.stop();
  CHECK(ann.is_down());
  CHECK_FALSE(world.executor.post_to_fail());
}

TEST_CASE("a post to the executor of a bus may fail, whichever it is", "[nats]") {
  World world;
  std::size_t nth = 1;
  for (bool failed = true; failed; ++nth) {
    world.executor.fail_post(nth);
    Conversation talk(world.executor, quick(world.server.url()));
    REQUIRE(world.executor.run_until([&] { return talk.is_over(); }));
    failed = !world.executor.post_to_fail();
    world.executor.fail_post(0);
    REQUIRE(catches_up(world.executor, talk));
    check_heard(world.executor, talk, nth);
  }
  CHECK(nth > 5);
}

}  // namespace sluice::SLUICE_ABI::nats
