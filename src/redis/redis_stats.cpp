// SPDX-License-Identifier: MIT
// The metrics of RedisStats, with the texts of /metrics and of docs/observability.md.
#include <array>

#include "sluice/redis/redis_stats.hpp"

namespace sluice::SLUICE_ABI {

std::span<const observe::Metric<RedisStats>> RedisStats::metrics() noexcept {
  static constexpr std::array table{
      observe::gauge<&RedisStats::up>("up", "1 while every host is connected and every membership restored."),
      observe::counter<&RedisStats::downs>("downs", "Times that the layer went down."),
      observe::gauge<&RedisStats::waiting_events>("waiting_events", "Events on their way to Redis now."),
      observe::gauge<&RedisStats::waiting_bytes>("waiting_bytes", "Bytes of the events on their way to Redis now."),
      observe::counter<&RedisStats::refused>("refused", "Events that were not sent, as too many were on their way."),
      observe::counter<&RedisStats::expired_waiting>(
          "expired_waiting", "Events that were not sent, as Redis was down for longer than their expiry."),
      observe::counter<&RedisStats::unconfirmed>("unconfirmed",
                                                 "Events that were sent before the connection broke: perhaps lost."),
      observe::counter<&RedisStats::rejected>("rejected", "Commands that Redis answered with an error."),
      observe::counter<&RedisStats::received>("received", "Messages from Redis."),
      observe::counter<&RedisStats::unreadable>("unreadable", "Messages that are no event."),
      observe::counter<&RedisStats::pauses>("pauses",
                                            "Times that reading stopped since executors had too much to deliver."),
      observe::gauge<&RedisStats::memberships>("memberships", "Groups and channels of this process in Redis now."),
      observe::counter<&RedisStats::late_renewals>("late_renewals",
                                                   "Memberships that were renewed late, so that they may have lapsed."),
      observe::counter<&RedisStats::undelivered>("undelivered",
                                                 "Events that were accepted and not delivered, or perhaps not."),
  };
  return table;
}

}  // namespace sluice::SLUICE_ABI
