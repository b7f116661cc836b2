// SPDX-License-Identifier: MIT
// Work that clients or publishers can make as much of as they like: does it grow faster than what causes it?
//
// valgrind --tool=callgrind build/release/benchmarks/complexity named_users 1000
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "in_process.hpp"
#include "sluice/core/completion.hpp"
#include "support.hpp"

namespace {

using namespace sluice;

// A subscriber that counts.
class Listener final : public Subscriber {
 public:
  Listener(InMemoryChannelLayer& layer, testing::ManualExecutor& executor, UserId user)
      : executor_(executor), user_(std::move(user)) {
    executor_.run([&] { channel_ = std::move(*layer.open_channel(*this).take()); });
  }
  ~Listener() { leave(); }
  Listener(const Listener&) = delete;

  void leave() {
    executor_.run([this] { channel_ = {}; });
  }
  void deliver(const Event&) override { ++heard; }
  void deliver(const DeliveryRun& run) override { heard += run.deliveries.size(); }
  Identity identity() const noexcept override { return {{}, user_}; }
  Executor& executor() const noexcept override { return executor_; }
  const Channel& channel() const noexcept { return channel_; }

  std::size_t heard = 0;

 private:
  testing::ManualExecutor& executor_;
  const UserId user_;
  Channel channel_;
};

struct Room {
  testing::ManualExecutor executor;
  InMemoryChannelLayer layer{executor};
  std::vector<std::unique_ptr<Listener>> listeners;

  explicit Room(ChannelLayerOptions options = {}) : layer(executor, std::move(options)) {}
  Listener& enter(UserId user) {
    return *listeners.emplace_back(std::make_unique<Listener>(layer, executor, std::move(user)));
  }
  void join(std::string_view group, const Channel& channel) {
    executor.run([&] { (void)layer.group_add(group, channel).take(); });
  }
  void fill(std::size_t members) {
    for (std::size_t i = 0; i < members; ++i) join("users", enter(UserId(i)).channel());
  }
  void send(std::string_view group, const Event& event) {
    (void)layer.group_send(group, event);
    executor.run_all();
  }
};

const json::Text payload(std::string("{}"));

void named_users(std::size_t n) {
  Room room;
  room.fill(n);
  std::vector<UserId> users;
  for (std::size_t i = 0; i < n; ++i) users.emplace_back(i);
  room.send("users", Event::broadcast_to_users(payload, users));
}

void excluded_users(std::size_t n) {
  Room room;
  room.fill(n);
  Audience audience;
  for (std::size_t i = 0; i < n; i += 2) audience.except_users.emplace_back(i);
  room.send("users", Event::broadcast_to_group(payload, audience));
}

void individual_payloads(std::size_t n) {
  Room room;
  room.fill(n);
  std::vector<std::pair<UserId, Payload>> payloads;
  for (std::size_t i = 0; i < n; ++i) payloads.emplace_back(UserId(i), Payload(i, "k" + std::to_string(i)));
  const Event event = Event::broadcast_to_users_individual_payloads(std::move(payloads));
  room.send("users", Event::parse(event.text().view()).value());  // as another process hears it
}

void join_many(Room& room, std::size_t n) {
  const Channel& channel = room.enter({}).channel();
  for (std::size_t i = 0; i < n; ++i) room.join("g" + std::to_string(i), channel);
}

void leaving_groups(std::size_t n) {
  Room room;
  join_many(room, n);
  const Channel& channel = room.listeners.front()->channel();
  for (std::size_t i = 0; i < n; ++i) {
    room.executor.run([&] { (void)room.layer.group_discard("g" + std::to_string(i), channel).take(); });
  }
}

void ending_groups(std::size_t n) {
  Room room;
  join_many(room, n);
  room.listeners.clear();
}

void sockets_of_a_user(std::size_t n) {
  Room room;
  for (std::size_t i = 0; i < n; ++i) room.enter(UserId(7));
  for (auto& listener : room.listeners) listener->leave();
}

void start(Task<Result<void>>& task) {
  (void)task.start({[](void*) noexcept {}, nullptr});
}

void waiting_senders(std::size_t n) {
  Room room({.waiting_events = 16});
  room.join("g", room.enter({}).channel());
  std::vector<Task<Result<void>>> sending;
  room.executor.run([&] {
    for (std::size_t i = 0; i < n; ++i) {
      sending.push_back(room.layer.group_send_when_room("g", Event::broadcast_to_group(payload)));
      start(sending.back());
    }
  });
  room.executor.run_all();
  if (room.listeners.front()->heard != n) fmt::print(stderr, "heard {} of {}\n", room.listeners.front()->heard, n);
}

void waiting_readers(std::size_t n) {
  Room room;
  std::vector<Inbox> inboxes;
  std::vector<std::optional<Task<Result<Event>>>> reading;
  room.executor.run([&] {
    for (std::size_t i = 0; i < n; ++i) {
      inboxes.push_back(std::move(*room.layer.open_inbox("jobs").take()));
      reading.emplace_back(inboxes.back().receive());
      (void)reading.back()->start({[](void*) noexcept {}, nullptr});
    }
    for (auto& one : reading) one.reset();
  });
}

constexpr std::string_view quiet = "quiet";

class Busy : public Consumer {
 public:
  explicit Busy(const Completion<int>* gate) : gate_(*gate) {}
  std::span<const std::string_view> groups() const override { return {&quiet, 1}; }
  Task<> receive(const Message&) override { co_await gate_; }

 private:
  const Completion<int> gate_;
};

void waiting_mail(std::size_t n) {
  const Completion<int> gate;
  bench::House house(consumer<Busy>(&gate));
  house.say(house.enter(), "work");
  for (std::size_t i = 0; i < n; ++i) {
    (void)house.layer.group_send(quiet, Event::broadcast_to_group(payload));
    house.executor.run_all();
  }
  gate.resolve(1);
  house.executor.run_all();
}

const std::map<std::string_view, void (*)(std::size_t)> paths = {{"named_users", named_users},
                                                                 {"excluded_users", excluded_users},
                                                                 {"individual_payloads", individual_payloads},
                                                                 {"leaving_groups", leaving_groups},
                                                                 {"ending_groups", ending_groups},
                                                                 {"sockets_of_a_user", sockets_of_a_user},
                                                                 {"waiting_senders", waiting_senders},
                                                                 {"waiting_readers", waiting_readers},
                                                                 {"waiting_mail", waiting_mail}};

}  // namespace

int main(int argc, char** argv) {
  const auto path = argc == 3 ? paths.find(argv[1]) : paths.end();
  if (path == paths.end()) {
    fmt::print(stderr, "usage: complexity PATH SIZE, with one of these paths:\n");
    for (const auto& [name, run] : paths) fmt::print(stderr, "  {}\n", name);
    return 2;
  }
  const std::string_view number = argv[2];
  std::size_t size = 0;
  std::from_chars(number.data(), number.data() + number.size(), size);
  path->second(size);
}
