// SPDX-License-Identifier: MIT
// Counters of a NATS layer, beside BusStats.
#pragma once

#include <cstdint>

#include "sluice/abi.hpp"
#include "sluice/observe/metric.hpp"

namespace sluice::SLUICE_ABI {

/// Counts since the layer was built. A value.
struct SLUICE_API NatsStats {
  std::uint64_t unconfirmed = 0;  // events sent to a connection that broke before the server answered: perhaps lost
  std::uint64_t rejected = 0;     // events that are larger than the server's max_payload
  std::uint64_t dropped = 0;  // messages that did not fit into unread_events or unread_bytes; of several in a row one
  std::uint64_t unreadable = 0;  // messages that are no event

  static constexpr std::string_view metric_prefix = "sluice_nats";
  /// The metrics of these numbers. Any thread.
  static std::span<const observe::Metric<NatsStats>> metrics() noexcept;
};

}  // namespace sluice::SLUICE_ABI
