// SPDX-License-Identifier: MIT
// The channel layer of one process: any number of threads, no server, no network.
#pragma once

#include <memory>

#include "sluice/abi.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/layer/channel_layer.hpp"

namespace sluice::SLUICE_ABI {

class Hub;

/// A channel layer within this process. See ChannelLayer for threads and promises.
///
///     AsioExecutors executors(2);
///     InMemoryChannelLayer layer(executors);
///     layer.group_send("table-7", Event::broadcast_to_group(payload));   // from any thread
///
/// The executors outlive the layer. A subscriber must live on one of them.
class SLUICE_API InMemoryChannelLayer final : public ChannelLayer {
 public:
  explicit InMemoryChannelLayer(ExecutorGroup& executors, ChannelLayerOptions options = {});
  /// Senders that wait for room get an error.
  ~InMemoryChannelLayer() override;

  Task<Result<Channel>> open_channel(Subscriber& subscriber) override;
  Task<Result<Inbox>> open_inbox(std::string_view channel) override;
  Result<void> group_send(std::string_view group, Event event) override;
  Result<void> send(std::string_view channel, Event event) override;
  Task<Result<void>> group_send_when_room(std::string_view group, Event event) override;
  Task<Result<void>> send_when_room(std::string_view channel, Event event) override;
  Task<Result<std::size_t>> group_size(std::string_view group) override;
  Task<Result<std::vector<std::string>>> group_channels(std::string_view group) override;
  Task<Result<void>> flush() override;
  LayerStats stats() const override;
  const void* origin() const noexcept override;

 private:
  const UseCount::Use executors_use_;
  std::shared_ptr<Hub> hub_;
};

}  // namespace sluice::SLUICE_ABI
