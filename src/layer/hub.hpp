// SPDX-License-Identifier: MIT
// Who is in which group here, and how an event gets to them: what every channel layer has in common. A layer adds only
// its bus to other processes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layer/group_index.hpp"
#include "layer/hub_shard.hpp"
#include "layer/plain_channels.hpp"
#include "sluice/layer/channel_layer.hpp"

namespace sluice {

/// The local half of a channel layer. Threads as for ChannelLayer.
class Hub : public std::enable_shared_from_this<Hub> {
 public:
  /// `process` is the part of this process's channel names between the prefix and the '!'.
  Hub(ExecutorGroup& executors, ChannelLayerOptions options, std::string_view process);

  Result<Channel> open_channel(Subscriber& subscriber);
  Result<Inbox> open_inbox(std::string_view channel);
  Result<void> group_add(std::string_view group, const Channel& channel);
  Result<void> group_add(std::string_view group, const Inbox& inbox);
  Result<void> group_discard(std::string_view group, const Channel& channel);
  Result<void> group_discard(std::string_view group, const Inbox& inbox);
  Result<void> group_send(std::string_view group, Event event);
  Result<void> send(std::string_view channel, Event event);
  Task<Result<std::size_t>> group_size(std::string_view group);
  Task<Result<std::vector<std::string>>> group_channels(std::string_view group);
  Task<Result<void>> flush();
  LayerStats stats() const;

 private:
  Result<void> check_size(std::string_view what, std::string_view to, const Event& event);
  Result<void> check_group(std::string_view what, std::string_view group) const;
  Error bad_channel_name(std::string_view what, std::string_view channel);

  const ChannelLayerOptions options_;
  const std::string channel_prefix_;
  const std::shared_ptr<GroupIndex> index_ = std::make_shared<GroupIndex>();
  std::vector<std::shared_ptr<HubShard>> shards_;
  std::shared_ptr<PlainChannels> plain_channels_;
  mutable std::atomic<std::uint64_t> sends_{0}, group_sends_{0}, no_channel_{0}, too_large_{0}, invalid_name_{0};
};

}  // namespace sluice
