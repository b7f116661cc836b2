// SPDX-License-Identifier: MIT
#include "sluice/nats/nats_channel_layer.hpp"

#include <utility>

#include "nats/nats_bus.hpp"

namespace sluice::SLUICE_ABI {
namespace {

DistributedLayerOptions layer_options(const NatsOptions& options) {
  return {.layer = {.capacity = options.capacity,
                    .channel_capacity = options.channel_capacity,
                    .expiry = options.expiry,
                    .message_bytes = options.message_bytes,
                    .waiting_events = options.arrived_events,
                    .waiting_bytes = options.arrived_bytes},
          .waiting_events = options.waiting_events,
          .waiting_bytes = options.waiting_bytes,
          .join_time = options.join_time,
          .close_time = options.close_time,
          .name = "NATS",
          .options_name = "NatsOptions"};
}

}  // namespace

NatsChannelLayer::NatsChannelLayer(ExecutorGroup& executors, NatsOptions options)
    : NatsChannelLayer(executors, options, std::make_shared<nats::NatsCounters>()) {}

NatsChannelLayer::NatsChannelLayer(ExecutorGroup& executors, const NatsOptions& options,
                                   std::shared_ptr<nats::NatsCounters> counters)
    : DistributedChannelLayer(executors, nats::make_bus(executors.at(0), options, counters), layer_options(options)),
      counters_(std::move(counters)) {}

NatsStats NatsChannelLayer::nats_stats() const {
  return {.unconfirmed = counters_->unconfirmed,
          .rejected = counters_->rejected,
          .dropped = counters_->dropped,
          .unreadable = counters_->unreadable};
}

}  // namespace sluice::SLUICE_ABI
