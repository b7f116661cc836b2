// SPDX-License-Identifier: MIT
// The promises of every channel layer, kept by both Redis layers on a real server, within one process and across two.
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "redis/support/redis_server.hpp"
#include "sluice/net/asio_dialer.hpp"
#include "sluice/redis/redis_channel_layer.hpp"
#include "sluice/redis/redis_pubsub_channel_layer.hpp"
#include "sluice/testing/manual_executor.hpp"

namespace sluice::testing {
namespace {

// Hears the marks that tell that what was sent before has arrived.
class Mark final : public Subscriber {
 public:
  Mark(ChannelLayer& layer, ManualExecutor& executor) : executor_(executor) {
    auto opened = executor.run([&] { return layer.open_channel(*this); });
    channel_.emplace(std::move(*opened));
    name = channel_->name();
  }
  ~Mark() {
    executor_.run([this] { channel_.reset(); });
  }
  void deliver(const Event&) override { ++heard; }
  void deliver(const DeliveryRun&) override {}
  Identity identity() const noexcept override { return {{}, nobody_}; }
  Executor& executor() const noexcept override { return executor_; }

  std::string name;
  std::size_t heard = 0;

 private:
  ManualExecutor& executor_;
  std::optional<Channel> channel_;
  const UserId nobody_;
};

// One or several processes as one layer: a channel belongs to the process of its executor, an inbox to the last, and
// what is sent is sent by the first, and waits for Redis, so that the sender hears what became of it.
template <class Layer>
class Processes final : public ChannelLayer {
 public:
  Processes(ManualExecutors& executors, Dialer& dialer, const RedisOptions& options) : executors_(executors) {
    const auto began = executors.at(0).now();
    const auto clock = [&executors, began] {
      return 1.7e9 + std::chrono::duration<double>(executors.at(0).now() - began).count();
    };
    for (std::size_t i = 0; i < executors.size(); ++i) {
      layers_.push_back(std::make_unique<Layer>(executors.at(i), dialer, options, clock));
    }
    for (auto& layer : layers_) {
      if (!executors.at(0).run([&] { return layer->wait_until_up(); })) throw std::runtime_error("no Redis");
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      marks_.push_back(std::make_unique<Mark>(*layers_[i], executors.at(i)));
    }
  }
  ~Processes() override {
    marks_.clear();
    for (auto& layer : layers_) executors_.at(0).run([&] { return layer->close(); });
    executors_.run_all();
  }

  void settle() {
    for (auto& sender : layers_) {
      for (auto& mark : marks_) {
        const std::size_t before = mark->heard;
        if (!sender->send(mark->name, Event::named("mark"))) throw std::runtime_error("not sent");
        if (!executors_.run_until([&] { return mark->heard > before; })) throw std::runtime_error("nothing arrives");
      }
    }
    executors_.run_all();
  }

  Task<Result<Channel>> open_channel(Subscriber& subscriber) override {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (&executors_.at(i) == &subscriber.executor()) return layers_[i]->open_channel(subscriber);
    }
    return layers_[0]->open_channel(subscriber);
  }
  Task<Result<Inbox>> open_inbox(std::string_view channel) override { return layers_.back()->open_inbox(channel); }
  Task<Result<void>> group_add(std::string_view group, const Channel& channel) override {
    return owner(channel).group_add(group, channel);
  }
  Task<Result<void>> group_add(std::string_view group, const Inbox& inbox) override {
    return layers_.back()->group_add(group, inbox);
  }
  Task<Result<void>> group_discard(std::string_view group, const Channel& channel) override {
    return owner(channel).group_discard(group, channel);
  }
  Task<Result<void>> group_discard(std::string_view group, const Inbox& inbox) override {
    return layers_.back()->group_discard(group, inbox);
  }
  Result<void> group_send(std::string_view group, Event event) override {
    return done(executors_.at(0).run([&] { return layers_[0]->group_send_confirmed(group, std::move(event)); }));
  }
  Result<void> send(std::string_view channel, Event event) override {
    return done(executors_.at(0).run([&] { return layers_[0]->send_confirmed(channel, std::move(event)); }));
  }
  // These are told what became of an event when it is on its way, not when it has arrived.
  Task<Result<void>> group_send_when_room(std::string_view group, Event event) override {
    return layers_[0]->group_send_when_room(group, std::move(event));
  }
  Task<Result<void>> send_when_room(std::string_view channel, Event event) override {
    return layers_[0]->send_when_room(channel, std::move(event));
  }
  Task<Result<std::size_t>> group_size(std::string_view group) override { return layers_[0]->group_size(group); }
  Task<Result<std::vector<std::string>>> group_channels(std::string_view group) override {
    return layers_[0]->group_channels(group);
  }
  Task<Result<void>> flush() override {
    for (auto& layer : layers_) {
      auto flushed = co_await layer->flush();
      if (!flushed) co_return flushed;
    }
    co_return Result<void>();
  }
  LayerStats stats() const override {
    LayerStats sum;
    for (const auto& layer : layers_) {
      const LayerStats one = layer->stats();
      sum.sends += one.sends;
      sum.group_sends += one.group_sends;
      sum.deliveries += one.deliveries;
      sum.dropped_full += one.dropped_full;
      sum.dropped_expired += one.dropped_expired;
      sum.dropped_no_channel += one.dropped_no_channel;
      sum.dropped_too_large += one.dropped_too_large;
      sum.dropped_invalid_name += one.dropped_invalid_name;
      sum.channels += one.channels;
      sum.groups = std::max(sum.groups, one.groups);
      sum.plain_channels += one.plain_channels;
    }
    std::size_t marks = 0;
    for (const auto& mark : marks_) marks += mark->heard;
    sum.deliveries -= marks;
    sum.channels -= marks_.size();
    return sum;
  }

 private:
  ChannelLayer& owner(const Channel& channel) {
    const std::string name = channel ? channel.name() : std::string();
    for (std::size_t i = 0; i < marks_.size(); ++i) {
      const std::string& mark = marks_[i]->name;
      constexpr std::size_t digits = 14;  // of the consumer, behind those of its process
      if (name.substr(0, mark.size() - digits) == mark.substr(0, mark.size() - digits)) return *layers_[i];
    }
    return *layers_[0];  // which refuses it
  }
  static Result<void> done(const Result<SendReceipt>& receipt) {
    return receipt ? Result<void>() : Result<void>(receipt.error());
  }

  ManualExecutors& executors_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<std::unique_ptr<Mark>> marks_;
};

redis::RedisServer& server() {
  static redis::RedisServer one;
  return one;
}

template <class Layer, std::size_t count>
struct OnRedis {
  explicit OnRedis(const ChannelLayerOptions& options) : executors(count), layer(executors, dialer, with(options)) {}

  static RedisOptions with(const ChannelLayerOptions& options) {
    (void)server().command({"FLUSHALL"});
    RedisOptions redis;
    redis.hosts = {server().url()};
    redis.capacity = options.capacity;
    redis.channel_capacity = options.channel_capacity;
    redis.expiry = std::chrono::duration_cast<std::chrono::seconds>(options.expiry);
    redis.message_bytes = options.message_bytes;
    redis.group_expiry = group_expiry;
    // The clock of these executors is moved by hand and Redis's is not: nothing may be late.
    redis.answer_time = std::chrono::hours(10'000);
    redis.join_time = std::chrono::hours(10'000);
    return redis;
  }
  void settle() { layer.settle(); }
  // A poll that finds nothing lets the core layer fetch one event. There is none when Redis has none and every reader,
  // those of the processes and that of the inboxes, waits there again: what it was given before has arrived.
  std::optional<Event> take(Inbox& inbox) {
    if constexpr (!keeps) return inbox.poll();
    std::optional<Event> event;
    const auto known = [&] {
      event = inbox.poll();
      if (event) return true;
      if (server().command({"ZCARD", "asgi" + std::string(inbox.name())}).integer > 0) return false;
      const std::string blocked = "blocked_clients:" + std::to_string(processes + 1) + "\r";
      if (server().command({"INFO", "clients"}).text.find(blocked) == std::string::npos) return false;
      event = inbox.poll();
      return true;
    };
    if (!executors.run_until(known)) throw std::runtime_error("what waits in Redis is not fetched");
    return event;
  }

  static constexpr std::size_t processes = count;
  static constexpr std::chrono::minutes group_expiry{10};
  static constexpr bool shared = true;
  static constexpr bool keeps = std::is_same_v<Layer, RedisChannelLayer>;
  static constexpr bool names_processes = keeps;
  AsioExecutors sockets{1};
  AsioDialer dialer{sockets};
  ManualExecutors executors;
  Processes<Layer> layer;
};

}  // namespace

using Worlds = std::tuple<OnRedis<RedisChannelLayer, 1>, OnRedis<RedisChannelLayer, 2>,
                          OnRedis<RedisPubSubChannelLayer, 1>, OnRedis<RedisPubSubChannelLayer, 2>>;

}  // namespace sluice::testing

#include "conformance/channel_layer_suite.hpp"
