// SPDX-License-Identifier: MIT
// Redis layers over scripted streams and a TinyRedis: no sockets, no threads, no real time.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "redis/support/tiny_redis.hpp"
#include "sluice/redis/redis_channel_layer.hpp"
#include "sluice/redis/redis_pubsub_channel_layer.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "sluice/testing/scripted_stream.hpp"

namespace sluice::SLUICE_ABI::redis {

/// A subscriber that records what it receives.
class Listener final : public Subscriber {
 public:
  Listener(ChannelLayer& layer, testing::ManualExecutor& executor) : layer_(layer), executor_(executor) {
    auto opened = executor_.run([this] { return layer_.open_channel(*this); });
    channel_.emplace(std::move(*opened));
  }
  ~Listener() { close(); }
  Listener(const Listener&) = delete;

  /// Begins to join; `joined` has the result.
  void begin_to_join(std::string group) {
    joined = "waiting";
    group_ = std::move(group);
    executor_.run([this] { task_.emplace(join()); });
    executor_.run([this] { (void)task_->start({[](void*) noexcept {}, nullptr}); });
  }
  void leave(std::string_view group) {
    executor_.run([&] { (void)layer_.group_discard(group, *channel_); });
  }
  void close() {
    executor_.run([this] {
      task_.reset();
      channel_.reset();
    });
  }
  std::string name() const { return channel_->name(); }
  std::string heard() { return std::exchange(heard_, {}); }

  void deliver(const Event& event) override {
    const auto number = event.value()["n"].as_int();
    note(number ? std::to_string(*number) : std::string(event.type()));
  }
  void deliver(const DeliveryRun& run) override {
    for (const Delivery& delivery : run.deliveries) note(delivery.event.broadcasts().front().payload.view());
  }
  Identity identity() const noexcept override { return {{}, nobody_}; }
  Executor& executor() const noexcept override { return executor_; }

  std::string joined;

 private:
  Task<> join() {
    auto done = co_await layer_.group_add(group_, *channel_);
    joined = done ? "joined" : std::string(to_string(done.error().code()));
  }
  void note(std::string_view what) { heard_ += (heard_.empty() ? "" : " ") + std::string(what); }

  ChannelLayer& layer_;
  testing::ManualExecutor& executor_;
  std::optional<Channel> channel_;
  std::optional<Task<>> task_;
  std::string group_;
  std::string heard_;
  UserId nobody_;
};

/// Starts a confirmed send and keeps what came of it.
class Sent {
 public:
  Sent(testing::ManualExecutor& executor, Task<Result<SendReceipt>> task)
      : executor_(executor), task_(keep(std::move(task))) {
    executor_.run([this] { (void)task_.start({[](void*) noexcept {}, nullptr}); });
  }
  std::string outcome = "waiting";

 private:
  Task<> keep(Task<Result<SendReceipt>> task) {
    auto result = co_await task;
    outcome = result ? "reached " + std::to_string(result->reached) + ", full " + std::to_string(result->full)
                     : std::string(to_string(result.error().code()));
  }
  testing::ManualExecutor& executor_;
  Task<> task_;
};

/// One or more layers, each as its own process, on one executor and one TinyRedis.
template <class Layer>
struct TinyWorldOf {
  explicit TinyWorldOf(RedisOptions options = {}) : options(std::move(options)) {}
  ~TinyWorldOf() {
    listeners.clear();
    layers.clear();
    executor.advance(std::chrono::seconds(5));
  }

  Layer& layer() {
    const auto clock = [this] { return 1'700'000'000.0 + seconds_of(executor.now() - began); };
    return *layers.emplace_back(std::make_unique<Layer>(executor, dialer, options, clock));
  }
  Listener& listener(ChannelLayer& layer) { return listeners.emplace_back(layer, executor); }
  Listener& listener_in(std::string group, ChannelLayer& layer) {
    Listener& made = listener(layer);
    made.begin_to_join(std::move(group));
    executor.run_all();
    return made;
  }
  static double seconds_of(Executor::Clock::duration time) { return std::chrono::duration<double>(time).count(); }
  static Event numbered(int number) { return *Event::parse(R"({"type":"number","n":)" + std::to_string(number) + "}"); }

  RedisOptions options;
  testing::ManualExecutor executor;
  const Executor::Clock::time_point began = executor.now();
  TinyRedis redis{executor};
  testing::ScriptedDialer dialer{redis.server()};
  std::list<std::unique_ptr<Layer>> layers;
  std::list<Listener> listeners;
};

using TinyWorld = TinyWorldOf<RedisChannelLayer>;
using TinyPubSubWorld = TinyWorldOf<RedisPubSubChannelLayer>;

}  // namespace sluice::SLUICE_ABI::redis
