// SPDX-License-Identifier: MIT
// Redis layers as they are used: a real server, real sockets, the layers' consumers on threads.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "redis/support/redis_server.hpp"
#include "sluice/core/block_on.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/net/asio_dialer.hpp"
#include "sluice/redis/redis_channel_layer.hpp"
#include "sluice/redis/redis_pubsub_channel_layer.hpp"

namespace sluice::SLUICE_ABI::redis {

/// A subscriber whose calls come from the test's thread; it does what it must on its executor. Any thread.
class Guest final : public Subscriber {
 public:
  Guest(ChannelLayer& layer, Executor& executor, UserId user = {}) : layer_(layer), executor_(executor), user_(user) {
    there([this]() -> Task<> {
      auto opened = co_await layer_.open_channel(*this);
      if (opened) channel_.emplace(std::move(*opened));
    });
    if (!channel_) throw std::runtime_error("no channel");
    name_ = channel_->name();
  }
  ~Guest() { close(); }
  Guest(const Guest&) = delete;

  Result<void> join(std::string group) {
    Result<void> joined;
    there([&]() -> Task<> { joined = co_await layer_.group_add(group, *channel_); });
    return joined;
  }
  /// Joins "g0", "g1" and so on.
  Result<void> join_numbered(std::string group, int count) {
    Result<void> joined;
    there([&]() -> Task<> {
      for (int i = 0; i < count && joined; ++i) {
        const std::string name = group + std::to_string(i);
        joined = co_await layer_.group_add(name, *channel_);
      }
    });
    return joined;
  }
  void leave(std::string group) {
    there([&]() -> Task<> { (void)co_await layer_.group_discard(group, *channel_); });
  }
  void close() {
    there([this]() -> Task<> {
      channel_.reset();
      return {};
    });
  }
  const std::string& name() const noexcept { return name_; }
  std::string heard() const {
    std::lock_guard lock(mutex_);
    return heard_;
  }
  std::string take_heard() {
    std::lock_guard lock(mutex_);
    return std::exchange(heard_, {});
  }
  bool hears(const std::string& all) const {
    return eventually([&] { return heard() == all; });
  }

  void deliver(const Event& event) override {
    const auto number = event.value()["n"].as_int();
    note(number ? std::to_string(*number) : std::string(event.type()));
  }
  void deliver(const DeliveryRun& run) override {
    for (const Delivery& delivery : run.deliveries) {
      for (const Broadcast& broadcast : delivery.event.broadcasts()) {
        if (broadcast.audience.includes(identity())) note(broadcast.payload.view());
      }
    }
  }
  Identity identity() const noexcept override { return {{}, user_}; }
  Executor& executor() const noexcept override { return executor_; }

 private:
  // Runs work() on the executor and waits for the end of its task.
  template <class F>
  void there(F work) {
    std::optional<Task<>> task;
    struct Waiting {
      Completion<std::monostate> done;
    } waiting;
    executor_.post([&, done = waiting.done] {
      task.emplace(work());
      const bool finished =
          task->start({[](void* who) noexcept { static_cast<Waiting*>(who)->done.resolve({}); }, &waiting});
      if (finished) done.resolve({});
    });
    block_on([](Completion<std::monostate> done) -> Task<> { co_await done; }(waiting.done));
    // The task ends where it ran.
    Completion<std::monostate> gone;
    executor_.post([&task, gone] {
      task.reset();
      gone.resolve({});
    });
    block_on([](Completion<std::monostate> done) -> Task<> { co_await done; }(gone));
  }
  void note(std::string_view what) {
    std::lock_guard lock(mutex_);
    heard_ += (heard_.empty() ? "" : " ") + std::string(what);
  }

  ChannelLayer& layer_;
  Executor& executor_;
  const UserId user_;
  std::optional<Channel> channel_;
  std::string name_;
  mutable std::mutex mutex_;
  std::string heard_;
};

/// One process: threads, a dialer, a layer. `Layer` is one of the two.
template <class Layer>
struct LiveProcess {
  explicit LiveProcess(RedisOptions options, std::size_t threads = 1)
      : executors(threads), dialer(executors), layer(executors, dialer, std::move(options)) {}
  ~LiveProcess() {
    guests.clear();
    block_on(layer.close());
  }

  /// On one thread after the other.
  Guest& guest(UserId user = {}) {
    return guests.emplace_back(layer, executors.at(guests.size() % executors.size()), user);
  }
  Guest& guest_in(const std::string& group, UserId user = {}) {
    Guest& made = guest(user);
    if (auto joined = made.join(group); !joined) throw std::runtime_error(joined.error().message());
    return made;
  }
  bool is_up() const { return layer.redis_stats().up; }

  AsioExecutors executors;
  AsioDialer dialer;
  Layer layer;
  std::list<Guest> guests;
};

using CoreProcess = LiveProcess<RedisChannelLayer>;
using PubSubProcess = LiveProcess<RedisPubSubChannelLayer>;

inline Event numbered(int number) { return *Event::parse(R"({"type":"number","n":)" + std::to_string(number) + "}"); }
/// Options for a machine that has other things to do as well.
inline RedisOptions patient() {
  RedisOptions options;
  options.answer_time = options.join_time = std::chrono::seconds(20);
  return options;
}
inline RedisOptions at(const RedisServer& server) {
  RedisOptions options = patient();
  options.hosts = {server.url()};
  return options;
}

}  // namespace sluice::SLUICE_ABI::redis
