// SPDX-License-Identifier: MIT
// The promises of every channel layer, kept by both Redis layers on a real server, within one process and across two.
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "conformance/several_processes.hpp"
#include "redis/support/redis_server.hpp"
#include "sluice/net/asio_dialer.hpp"
#include "sluice/redis/redis_channel_layer.hpp"
#include "sluice/redis/redis_pubsub_channel_layer.hpp"
#include "sluice/testing/manual_executor.hpp"

namespace sluice::SLUICE_ABI::testing {
namespace {

redis::RedisServer& server() {
  static redis::RedisServer one;
  return one;
}

template <class Layer, std::size_t count>
struct OnRedis {
  explicit OnRedis(const ChannelLayerOptions& options)
      : executors(count), layer(executors, [this, redis = with(options)](ManualExecutor& executor) {
          const auto clock = [&executor, began = executor.now()] {
            return 1.7e9 + std::chrono::duration<double>(executor.now() - began).count();
          };
          return std::make_unique<Layer>(executor, dialer, redis, clock);
        }) {}

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

}  // namespace sluice::SLUICE_ABI::testing

#include "conformance/channel_layer_suite.hpp"
