// SPDX-License-Identifier: MIT
// The other channel layer of channels_redis: Redis's publish and subscribe. Cheaper, and it keeps nothing.
#pragma once

#include <functional>
#include <memory>

#include "sluice/core/executor.hpp"
#include "sluice/layer/channel_layer.hpp"
#include "sluice/redis/redis_options.hpp"
#include "sluice/redis/redis_stats.hpp"
#include "sluice/redis/send_receipt.hpp"
#include "sluice/transport/byte_stream.hpp"

namespace sluice {

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
class RedisPubSubChannelLayer final : public ChannelLayer {
 public:
  /// As for RedisChannelLayer.
  RedisPubSubChannelLayer(ExecutorGroup& executors, Dialer& dialer, RedisOptions options = {},
                          std::function<double()> wall_clock = {});
  /// As for RedisChannelLayer.
  ~RedisPubSubChannelLayer() override;

  /// Done once Redis is there and every subscription stands. An Error: not within join_time.
  Task<Result<void>> wait_until_up();
  /// Sends what was accepted, within RedisOptions::close_time, then ends every subscription. Returns as
  /// RedisChannelLayer::close() does. Any thread.
  Task<std::size_t> close();

  Task<Result<Channel>> open_channel(Subscriber& subscriber) override;
  /// Done once what is sent to the channel is heard.
  Task<Result<Inbox>> open_inbox(std::string_view channel) override;
  Task<Result<void>> group_add(std::string_view group, const Channel& channel) override;
  Task<Result<void>> group_add(std::string_view group, const Inbox& inbox) override;
  Task<Result<void>> group_discard(std::string_view group, const Channel& channel) override;
  Task<Result<void>> group_discard(std::string_view group, const Inbox& inbox) override;
  Result<void> group_send(std::string_view group, Event event) override;
  Result<void> send(std::string_view channel, Event event) override;
  Task<Result<void>> group_send_when_room(std::string_view group, Event event) override;
  Task<Result<void>> send_when_room(std::string_view channel, Event event) override;
  Task<Result<std::size_t>> group_size(std::string_view group) override;
  Task<Result<std::vector<std::string>>> group_channels(std::string_view group) override;
  Task<Result<void>> flush() override;
  LayerStats stats() const override;

  /// As group_send, and tells how many subscriptions it reached. An Error after it was taken: perhaps not sent.
  Task<Result<SendReceipt>> group_send_confirmed(std::string_view group, Event event);
  Task<Result<SendReceipt>> send_confirmed(std::string_view channel, Event event);

  /// The groups that any process has subscribed to, in no order.
  Task<Result<std::vector<std::string>>> group_names();

  RedisStats redis_stats() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace sluice
