// SPDX-License-Identifier: MIT
// The other channel layer of channels_redis: Redis's publish and subscribe. Cheaper, and it keeps nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sluice/core/executor.hpp"
#include "sluice/layer/distributed_channel_layer.hpp"
#include "sluice/redis/redis_options.hpp"
#include "sluice/redis/redis_stats.hpp"
#include "sluice/transport/byte_stream.hpp"

namespace sluice {

namespace redis {
class RedisContext;
}

/// A channel layer on Redis, byte for byte what channels_redis.pubsub.RedisPubSubChannelLayer speaks. Used as
/// RedisChannelLayer is, and it differs as channels_redis's two layers do:
///
/// - What is sent while a process has lost Redis never reaches that process. LayerDown and LayerUp tell of it.
/// - What is sent to a channel that nobody reads at the time is gone. There are no full channels on the way; capacity
///   and expiry hold for an inbox in this process.
/// - Of a plain channel, every process that reads it gets each event; within a process one reader does.
/// - group_size and group_channels know this process's members only.
///
/// A peer on the other layer hears nothing of this one. RedisOptions::random_prefix_length and group_expiry do not
/// count here. Threads as for ChannelLayer. Executors and dialer outlive the layer, and what it still does after
/// close().
class RedisPubSubChannelLayer final : public DistributedChannelLayer {
 public:
  /// As for RedisChannelLayer.
  RedisPubSubChannelLayer(ExecutorGroup& executors, Dialer& dialer, RedisOptions options = {},
                          std::function<double()> wall_clock = {});
  /// As for RedisChannelLayer.
  ~RedisPubSubChannelLayer() override;

  LayerStats stats() const override;

  /// The groups that any process has subscribed to, in no order.
  Task<Result<std::vector<std::string>>> group_names();

  RedisStats redis_stats() const;

 private:
  RedisPubSubChannelLayer(ExecutorGroup& executors, std::shared_ptr<redis::RedisContext> context);
  const std::shared_ptr<redis::RedisContext> context_;
};

}  // namespace sluice
