// SPDX-License-Identifier: MIT
// Events that may not be dropped, though the host drops the newest.
#include <string>
#include <vector>

#include "sluice/consumer/host.hpp"
#include "sluice/consumer/json_consumer.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/communicator.hpp"
#include "support/catch.hpp"
#include "support/silence.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

struct Moved {
  static constexpr std::string_view event_type = "moved";
};
struct Banned {
  static constexpr std::string_view event_type = "banned";
  static constexpr bool must_arrive = true;
};

// Waits at each message of its client.
class Player : public JsonConsumer {
 public:
  explicit Player(std::vector<Completion<int>>* gates) : gates_(*gates) {}
  Task<> connect() override {
    const auto joined = co_await group_add("game");
    if (joined) accept();
  }
  Task<> receive_json(const json::Value&) override {
    const Completion<int> gate = gates_.emplace_back();
    co_await gate;
  }
  Task<> moved(const Moved&) { return {}; }
  Task<> banned(const Banned&) { return {}; }
  const EventHandlers& event_handlers() const override {
    static const auto handlers = EventHandlers{}.on<Moved>(&Player::moved).on<Banned>(&Player::banned);
    return handlers;
  }

 private:
  std::vector<Completion<int>>& gates_;
};

}  // namespace

TEST_CASE("a busy consumer that drops the newest loses no event that must arrive", "[consumer][CL-14]") {
  const test::Silence silence;
  std::vector<Completion<int>> gates;
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor, {.capacity = 3});
  Host host(consumer<Player>(&gates), layer, {.mailbox_overflow = MailboxOverflow::drop_newest});
  Communicator browser(executor, host, ClientRequest{});
  browser.connect();
  browser.say("1");
  for (int i = 0; i < 6; ++i) REQUIRE(layer.group_send("game", Event::of(Moved{})));
  CHECK(browser.hear_all() == "");
  CHECK(host.stats().mailbox_overflows == 3);
  REQUIRE(layer.group_send("game", Event::of(Banned{})));
  CHECK(browser.hear_all() == "close 1013 too slow");
  for (const auto& gate : gates) gate.resolve(1);
  executor.run_all();
}
