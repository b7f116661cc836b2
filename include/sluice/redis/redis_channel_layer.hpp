// SPDX-License-Identifier: MIT
// The channel layer across processes and machines that channels_redis calls core: groups and channels in Redis, shared
// with Django processes.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/layer/distributed_channel_layer.hpp"
#include "sluice/redis/redis_options.hpp"
#include "sluice/redis/redis_stats.hpp"
#include "sluice/transport/byte_stream.hpp"

namespace sluice::SLUICE_ABI {

/// A channel layer on Redis, byte for byte compatible with channels_redis.core.RedisChannelLayer:
///
///     AsioExecutors executors(2);
///     AsioDialer dialer(executors);
///     RedisChannelLayer layer(executors, dialer, {.hosts = {"redis://localhost:6379/0"}});
///     layer.group_send("table-7", Event::broadcast_to_group(payload));              // from any thread
///     block_on(layer.group_send_confirmed("table-7", event));                       // and wait for Redis
///     block_on(layer.close());                                                      // at the end
///
/// A process is one member of a group, whatever the number of its consumers there, and has one inbox, which it drains
/// at once. It connects by itself, and again after an outage: consumers that list LayerDown and LayerUp among their
/// handlers receive them, others are not affected. Events that are sent meanwhile wait, within
/// RedisOptions::waiting_events and waiting_bytes and for `expiry`; above that send and group_send fail with no_room,
/// and group_send_when_room waits.
///
/// group_add waits for Redis, up to RedisOptions::join_time. Events of one sender to one group or channel arrive in
/// order. send() cannot know whether a channel is full: send_confirmed() can.
///
/// Threads as for ChannelLayer. Executors and dialer outlive the layer, and its work after close().
class SLUICE_API RedisChannelLayer final : public DistributedChannelLayer {
 public:
  /// Throws std::invalid_argument for options that can't work. Begins to connect; see wait_until_up. `wall_clock`, for
  /// tests: seconds since 1970.
  RedisChannelLayer(ExecutorGroup& executors, Dialer& dialer, RedisOptions options = {},
                    std::function<double()> wall_clock = {});
  /// As close(), if that was not called. It waits for events on their way, unless it runs on an executor.
  ~RedisChannelLayer() override;

  Task<Result<Inbox>> open_inbox(std::string_view channel) override;
  /// Counts each consumer of this process, and one for any other Sluice process, which is one member.
  Task<Result<std::size_t>> group_size(std::string_view group) override;
  Task<Result<std::vector<std::string>>> group_channels(std::string_view group) override;
  /// Empties groups and plain channels of all processes.
  Task<Result<void>> flush() override;
  LayerStats stats() const override;

  /// The groups that have a member in any process, in no order.
  Task<Result<std::vector<std::string>>> group_names();

  RedisStats redis_stats() const;

 private:
  struct Parts;
  RedisChannelLayer(ExecutorGroup& executors, std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace sluice::SLUICE_ABI
