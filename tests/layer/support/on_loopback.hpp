// SPDX-License-Identifier: MIT
// For the conformance suite: layers over a bus, in one process or two.
#pragma once

#include <memory>
#include <optional>

#include "conformance/several_processes.hpp"
#include "sluice/layer/distributed_channel_layer.hpp"
#include "sluice/testing/loopback_bus.hpp"
#include "sluice/testing/manual_executor.hpp"

namespace sluice::SLUICE_ABI::testing {

template <std::size_t count>
struct OnLoopback {
  explicit OnLoopback(const ChannelLayerOptions& options)
      : executors(count), layer(executors, [this, options](ManualExecutor& executor) {
          return std::make_unique<DistributedChannelLayer>(executor, broker.bus(executor),
                                                           DistributedLayerOptions{.layer = options});
        }) {}
  void settle() { executors.run_all(); }
  std::optional<Event> take(Inbox& inbox) { return inbox.poll(); }

  static constexpr std::size_t processes = count;
  static constexpr std::chrono::hours group_expiry{24};
  static constexpr bool shared = true, keeps = false, names_processes = true;
  LoopbackBroker broker;
  ManualExecutors executors;
  Processes<DistributedChannelLayer> layer;
};

}  // namespace sluice::SLUICE_ABI::testing
