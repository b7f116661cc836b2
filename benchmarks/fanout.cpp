// SPDX-License-Identifier: MIT
// What a broadcast costs in the hub, per delivery: members x waiting broadcasts x audience, beside a loop of calls
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "sluice/core/block_on.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support.hpp"

namespace {

using namespace sluice;

// A subscriber that only takes note, as an idle session on a fast connection does.
class Listener final : public Subscriber {
 public:
  Listener(Executor& executor, UserId user, std::string socket)
      : executor_(executor), user_(std::move(user)), socket_(std::move(socket)) {}
  void deliver(const Event&) override { ++heard; }
  void deliver(const DeliveryRun& run) override { heard += run.joined.size(); }
  Identity identity() const noexcept override { return {socket_, user_}; }
  Executor& executor() const noexcept override { return executor_; }
  std::size_t heard = 0;

 private:
  Executor& executor_;
  UserId user_;
  std::string socket_;
};

struct Room {
  explicit Room(std::size_t members) : layer(executor) {
    for (std::size_t i = 0; i < members; ++i) {
      listeners.push_back(std::make_unique<Listener>(executor, UserId(i), fmt::format("socket-{}", i)));
      channels.push_back(std::move(*executor.run([&] { return layer.open_channel(*listeners.back()); })));
      (void)executor.run([&] { return layer.group_add("room", channels.back()); });
    }
  }
  double cost(std::size_t waiting, const Audience& audience, std::size_t heard_by) {
    const json::Text payload(
        std::string(R"({"type":"rows_updated","table_id":7,"rows":[{"id":1,"order":"1.00","name":"a"}]})"));
    const std::size_t rounds = std::max<std::size_t>(1, 2'000'000 / (waiting * std::max<std::size_t>(heard_by, 100)));
    return bench::nanoseconds_per(rounds * waiting * heard_by, [&] {
      for (std::size_t round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < waiting; ++i) {
          (void)layer.group_send("room", Event::broadcast_to_group(payload, audience));
        }
        executor.run_all();
      }
    });
  }

  testing::ManualExecutor executor;
  InMemoryChannelLayer layer;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<Channel> channels;
};

// The same calls without a hub around them: through one array, in the order of memory.
double plain_loop(std::size_t members) {
  testing::ManualExecutor executor;
  std::vector<std::unique_ptr<Listener>> listeners;
  for (std::size_t i = 0; i < members; ++i) listeners.push_back(std::make_unique<Listener>(executor, UserId(), ""));
  std::vector<sluice::Subscriber*> all;
  for (const auto& listener : listeners) all.push_back(listener.get());
  FrameBuffer frames;
  const Frame frame = frames.encode(MessageKind::text, "0123456789");
  const DeliveryRun run{{}, frame, BroadcastKind::to_group, "room"};
  const std::size_t rounds = std::max<std::size_t>(1, 2'000'000 / members);
  return bench::nanoseconds_per(rounds * members, [&] {
    for (std::size_t round = 0; round < rounds; ++round) {
      for (sluice::Subscriber* one : all) one->deliver(run);
    }
  });
}

}  // namespace

int main() {
  fmt::print("{:>8} {:>8} {:>26} {:>10} {:>10} {:>14}\n", "members", "waiting", "heard by", "ns each", "bare loop",
             "to bare loop");
  for (const std::size_t members : {10, 100, 1'000, 10'000, 100'000}) {
    Room room(members);
    const double loop = plain_loop(members);
    const auto show = [&](std::size_t waiting, std::string_view who, const Audience& audience, std::size_t heard_by) {
      const double ns = room.cost(waiting, audience, heard_by);
      fmt::print("{:>8} {:>8} {:>26} {:>10.2f} {:>10.2f} {:>14.1f}\n", members, waiting, who, ns, loop, ns / loop);
    };
    show(1, "everyone", {}, members);
    show(16, "everyone", {}, members);
    show(256, "everyone", {}, members);
    show(1, "all but one socket", {.except_socket = "socket-3"}, members - 1);
    show(256, "all but one socket", {.except_socket = "socket-3"}, members - 1);
    show(1, "3 users (ns per broadcast)", {.only_users = std::vector<UserId>{1, 5, 8}}, 1);
  }
}
