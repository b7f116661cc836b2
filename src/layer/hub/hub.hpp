// SPDX-License-Identifier: MIT
// The members of groups in this process, and the delivery of events to them: the common part of all channel layers. A
// layer adds only its bus to other processes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layer/hub/group_index.hpp"
#include "layer/hub/hub_shard.hpp"
#include "layer/hub/layer_reports.hpp"
#include "layer/hub/plain_channels.hpp"
#include "sluice/abi.hpp"
#include "sluice/layer/channel_layer.hpp"

namespace sluice::SLUICE_ABI {

/// The local half of a channel layer. Threads as for ChannelLayer.
class SLUICE_API Hub : public std::enable_shared_from_this<Hub> {
 public:
  /// `channel_prefix` begins the names of this process's channels, and of no other process's. `hooks` as for
  /// GroupIndex.
  Hub(ExecutorGroup& executors, ChannelLayerOptions options, std::string channel_prefix, GroupHooks hooks = {});

  Result<Channel> open_channel(Subscriber& subscriber);
  Result<Inbox> open_inbox(std::string_view channel);
  Result<void> group_send(std::string_view group, Event event);
  Result<void> send(std::string_view channel, Event event);
  Task<Result<void>> group_send_when_room(std::string_view group, Event event);
  Task<Result<void>> send_when_room(std::string_view channel, Event event);
  Task<Result<std::size_t>> group_size(std::string_view group);
  Task<Result<std::vector<std::string>>> group_channels(std::string_view group);
  Task<Result<void>> flush();
  LayerStats stats() const;
  /// Senders that wait for room get an error. Channels may outlive it.
  void end() noexcept;

  // --- for a layer with a bus: what group_send and send do, in two halves
  /// Checks whether it may be sent; if so it counts as accepted.
  Result<void> check_group_send(std::string_view group, const Event& event);
  Result<void> check_send(std::string_view channel, const Event& event);
  Result<void> check_inbox(std::string_view channel);
  // Events from a bus are never refused. To bound them a bus reads only while there is room: true if no executor's mail
  // exceeds its bound.
  bool has_room() const noexcept;
  /// To the group's members in this process.
  void deliver_to_group(std::string_view group, const Event& event);
  /// To a subscriber's channel in this process; a missing one is counted.
  void deliver_to_channel(std::string_view channel, Event event);
  /// To the readers of a plain channel in this process; events above its capacity are counted.
  void deliver_to_plain_channel(std::string_view channel, Event event);
  /// To every subscriber in this process, between what the bus delivered before and what it delivers later.
  void deliver_to_all(const Event& event);
  /// The watch is called for each channel, also for those that are open now.
  void watch_channels(ChannelWatch watch);
  GroupIndex& index() noexcept { return *index_; }
  const std::shared_ptr<LayerReports>& reports() const noexcept { return reports_; }
  /// As ChannelLayer::origin().
  const void* origin() const noexcept { return index_.get(); }
  const ChannelLayerOptions& options() const noexcept { return options_; }

 private:
  enum class To : std::uint8_t { group, channel };
  struct Addressee {
    HubShard* shard;
    std::uint64_t number;
  };

  static Task<Result<void>> publish_when_room(std::shared_ptr<Hub> hub, To to, std::string name, Event event,
                                              HubShard* full);
  Result<void> send_plain(std::string_view channel, Event event);
  HubShard* publish(To to, std::string_view name, const Event& event);
  void put(std::string_view group, const GroupIndex::Places& places, const Event& event, std::size_t cost);
  void put(const Addressee& to, Event event, std::size_t cost);
  void give_back(std::uint64_t shards, std::size_t cost) noexcept;
  std::optional<Addressee> addressee(std::string_view channel) const noexcept;
  Result<void> took(To to, std::string_view name, const HubShard* full);
  std::atomic<std::uint64_t>& taken(To to) const noexcept { return to == To::group ? group_sends_ : sends_; }
  Result<void> check_size(std::string_view what, std::string_view to, const Event& event);
  Error bad_channel_name(std::string_view what, std::string_view channel);

  const ChannelLayerOptions options_;
  const std::string channel_prefix_;
  const std::shared_ptr<LayerReports> reports_;
  const std::shared_ptr<GroupIndex> index_;
  std::vector<std::shared_ptr<HubShard>> shards_;
  std::shared_ptr<PlainChannels> plain_channels_;
  mutable std::atomic<std::uint64_t> sends_{0}, group_sends_{0}, no_channel_{0}, too_large_{0}, invalid_name_{0},
      no_room_{0};
  std::atomic<bool> ended_{false};
};

}  // namespace sluice::SLUICE_ABI
