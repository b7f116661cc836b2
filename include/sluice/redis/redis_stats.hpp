// SPDX-License-Identifier: MIT
// How a Redis layer fares, beside what LayerStats tells of any layer.
#pragma once

#include <cstdint>

#include "sluice/observe/metric.hpp"

namespace sluice {

/// Counts since the layer was built, and what is so now. A value.
struct RedisStats {
  bool up = false;                    // every host is there and every membership restored
  std::uint64_t downs = 0;            // how often that ended
  std::uint64_t waiting_events = 0;   // on their way to Redis now
  std::uint64_t waiting_bytes = 0;    // of them
  std::uint64_t refused = 0;          // not sent: too much was on its way already
  std::uint64_t expired_waiting = 0;  // not sent: Redis was away for longer than an event lives
  std::uint64_t unconfirmed = 0;      // sent, and the connection broke before Redis answered: perhaps lost
  std::uint64_t rejected = 0;         // Redis answered with an error: out of memory, say
  std::uint64_t received = 0;         // messages
  std::uint64_t unreadable = 0;       // of them: no event that we, or a Django peer, could read
  std::uint64_t pauses = 0;           // how often reading stopped, as executors had too much to deliver
  std::uint64_t memberships = 0;      // of this process now, as Redis is told
  std::uint64_t late_renewals = 0;    // memberships that another process may have seen end before they were renewed
  std::uint64_t undelivered = 0;      // accepted, and not delivered, or perhaps not, for whatever reason

  static constexpr std::string_view metric_prefix = "sluice_redis";
  /// What each number is for operators. Any thread.
  static std::span<const observe::Metric<RedisStats>> metrics() noexcept;
};

}  // namespace sluice
