// SPDX-License-Identifier: MIT
// The metrics of NatsStats, with the texts of /metrics and of docs/observability.md.
#include "sluice/nats/nats_stats.hpp"

#include <array>

namespace sluice::SLUICE_ABI {

std::span<const observe::Metric<NatsStats>> NatsStats::metrics() noexcept {
  static constexpr std::array table{
      observe::counter<&NatsStats::unconfirmed>("unconfirmed",
                                                "Events that were sent before the connection broke: perhaps lost."),
      observe::counter<&NatsStats::rejected>("rejected", "Events that are larger than the server accepts."),
      observe::counter<&NatsStats::dropped>("dropped", "Messages that were dropped since they were not read in time."),
      observe::counter<&NatsStats::unreadable>("unreadable", "Messages that are no event."),
  };
  return table;
}

}  // namespace sluice::SLUICE_ABI
