// SPDX-License-Identifier: MIT
// The pub/sub layer of channels_redis: Redis's publish and subscribe. It is cheaper, and stores nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/layer/distributed_channel_layer.hpp"
#include "sluice/redis/redis_options.hpp"
#include "sluice/redis/redis_stats.hpp"
#include "sluice/transport/byte_stream.hpp"

namespace sluice::SLUICE_ABI {

namespace redis {
class RedisContext;
}

/// A channel layer on Redis, byte for byte compatible with channels_redis.pubsub.RedisPubSubChannelLayer. It is used
/// like RedisChannelLayer, with the differences of channels_redis's two layers:
///
/// - Events that are sent while a process has lost Redis never reach that process. It receives LayerDown and LayerUp.
/// - Events for a channel without a reader are lost. There are no full channels on the way; capacity and expiry apply
///   to an inbox in this process.
/// - Of a plain channel, every process that reads it gets each event; within a process one reader does.
/// - group_size and group_channels know this process's members only.
///
/// A peer on the other layer does not receive this layer's events. RedisOptions::random_prefix_length and group_expiry
/// are not used. Threads as for ChannelLayer. Executors and dialer outlive the layer, and its work after close().
class SLUICE_API RedisPubSubChannelLayer final : public DistributedChannelLayer {
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

}  // namespace sluice::SLUICE_ABI
