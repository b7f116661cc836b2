// SPDX-License-Identifier: MIT
#include "sluice/layer/in_memory_channel_layer.hpp"

#include "layer/hub/hub.hpp"

namespace sluice::SLUICE_ABI {

InMemoryChannelLayer::InMemoryChannelLayer(ExecutorGroup& executors, ChannelLayerOptions options)
    : executors_use_(executors.use_count(), "InMemoryChannelLayer"),
      hub_(std::make_shared<Hub>(executors, std::move(options), "specific.inmemory!")) {}

InMemoryChannelLayer::~InMemoryChannelLayer() { hub_->end(); }

Task<Result<Channel>> InMemoryChannelLayer::open_channel(Subscriber& subscriber) {
  return hub_->open_channel(subscriber);
}
Task<Result<Inbox>> InMemoryChannelLayer::open_inbox(std::string_view channel) { return hub_->open_inbox(channel); }
Result<void> InMemoryChannelLayer::group_send(std::string_view group, Event event) {
  return hub_->group_send(group, std::move(event));
}
Result<void> InMemoryChannelLayer::send(std::string_view channel, Event event) {
  return hub_->send(channel, std::move(event));
}
Task<Result<void>> InMemoryChannelLayer::group_send_when_room(std::string_view group, Event event) {
  return hub_->group_send_when_room(group, std::move(event));
}
Task<Result<void>> InMemoryChannelLayer::send_when_room(std::string_view channel, Event event) {
  return hub_->send_when_room(channel, std::move(event));
}
Task<Result<std::size_t>> InMemoryChannelLayer::group_size(std::string_view group) { return hub_->group_size(group); }
Task<Result<std::vector<std::string>>> InMemoryChannelLayer::group_channels(std::string_view group) {
  return hub_->group_channels(group);
}
Task<Result<void>> InMemoryChannelLayer::flush() { return hub_->flush(); }
LayerStats InMemoryChannelLayer::stats() const { return hub_->stats(); }
const void* InMemoryChannelLayer::origin() const noexcept { return hub_->origin(); }

}  // namespace sluice::SLUICE_ABI
