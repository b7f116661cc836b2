// SPDX-License-Identifier: MIT
// The metrics of BusStats, with the texts of /metrics and of docs/observability.md.
#include <array>

#include "sluice/layer/distributed_channel_layer.hpp"

namespace sluice::SLUICE_ABI {

std::span<const observe::Metric<BusStats>> BusStats::metrics() noexcept {
  static constexpr std::array table{
      observe::gauge<&BusStats::up>("up", "1 while every link is up and every subscription restored."),
      observe::counter<&BusStats::downs>("downs", "Times that the layer went down."),
      observe::gauge<&BusStats::waiting_events>("waiting_events", "Events on their way to the bus now."),
      observe::gauge<&BusStats::waiting_bytes>("waiting_bytes", "Bytes of the events on their way to the bus now."),
      observe::counter<&BusStats::refused>("refused", "Events that were not sent, as too many were on their way."),
      observe::counter<&BusStats::expired_waiting>(
          "expired_waiting", "Events that were not sent, as the bus was down for longer than their expiry."),
      observe::counter<&BusStats::received>("received", "Events from the bus."),
      observe::counter<&BusStats::pauses>("pauses",
                                          "Times that reading stopped since executors had too much to deliver."),
      observe::gauge<&BusStats::memberships>("memberships", "Subscriptions of this process now."),
      observe::counter<&BusStats::undelivered>("undelivered",
                                               "Events that were accepted and not delivered, or perhaps not."),
  };
  return table;
}

}  // namespace sluice::SLUICE_ABI
