// SPDX-License-Identifier: MIT
// Counters of a Redis layer, beside LayerStats.
#pragma once

#include <cstdint>

#include "sluice/abi.hpp"
#include "sluice/observe/metric.hpp"

namespace sluice::SLUICE_ABI {

/// Counters since the layer was built, and its current state. A value.
struct SLUICE_API RedisStats {
  bool up = false;                    // every host is connected and every membership restored
  std::uint64_t downs = 0;            // how often it went down
  std::uint64_t waiting_events = 0;   // on their way to Redis now
  std::uint64_t waiting_bytes = 0;    // of them
  std::uint64_t refused = 0;          // not sent: too much was on its way already
  std::uint64_t expired_waiting = 0;  // not sent: Redis was down for longer than the expiry
  std::uint64_t unconfirmed = 0;      // sent, and the connection broke before Redis answered: perhaps lost
  std::uint64_t rejected = 0;         // Redis answered with an error, such as out of memory
  std::uint64_t received = 0;         // messages
  std::uint64_t unreadable = 0;       // of them: no event that this process or a Django peer can read
  std::uint64_t pauses = 0;           // how often reading stopped because executors had too many events to deliver
  std::uint64_t memberships = 0;      // of this process in Redis now
  std::uint64_t late_renewals = 0;    // memberships that another process may have seen end before they were renewed
  std::uint64_t undelivered = 0;      // accepted, and not or perhaps not delivered, for whatever reason

  static constexpr std::string_view metric_prefix = "sluice_redis";
  /// The metrics of these numbers. Any thread.
  static std::span<const observe::Metric<RedisStats>> metrics() noexcept;
};

}  // namespace sluice::SLUICE_ABI
