// SPDX-License-Identifier: MIT
// Channels and groups across processes, on NATS.
#pragma once

#include <memory>

#include "sluice/abi.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/layer/distributed_channel_layer.hpp"
#include "sluice/nats/nats_options.hpp"
#include "sluice/nats/nats_stats.hpp"

namespace sluice::SLUICE_ABI {

namespace nats {
struct NatsCounters;
}

/// A channel layer on NATS, for Sluice processes among themselves:
///
///     AsioExecutors executors(2);
///     NatsChannelLayer layer(executors, {.servers = {"nats://localhost:4222"}});
///     Host host(routes, layer);
///
/// It connects by itself, and again after an outage: consumers that list LayerDown and LayerUp among their handlers
/// receive them. It makes the promises of DistributedChannelLayer, except:
///
/// - Of a plain channel, one reader receives each event, whichever process it is in.
/// - Events for a channel without a reader are lost, and events that are sent while a process has lost NATS.
/// - A confirmed send (group_send_confirmed) is accepted by the server: SendReceipt::reached is 1, whoever receives it.
///
/// Threads as for ChannelLayer. The executors outlive the layer, and its work after close().
class SLUICE_API NatsChannelLayer final : public DistributedChannelLayer {
 public:
  /// Throws std::invalid_argument for options that cannot work. Connects in the background.
  explicit NatsChannelLayer(ExecutorGroup& executors, NatsOptions options = {});

  /// Beside bus_stats().
  NatsStats nats_stats() const;

 private:
  NatsChannelLayer(ExecutorGroup& executors, const NatsOptions& options, std::shared_ptr<nats::NatsCounters> counters);
  const std::shared_ptr<nats::NatsCounters> counters_;
};

}  // namespace sluice::SLUICE_ABI
