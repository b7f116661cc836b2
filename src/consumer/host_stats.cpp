// SPDX-License-Identifier: MIT
// The metrics of HostStats, with the texts of /metrics and of docs/observability.md.
#include <array>

#include "sluice/consumer/host.hpp"

namespace sluice::SLUICE_ABI {

std::span<const observe::Metric<HostStats>> HostStats::metrics() noexcept {
  static constexpr std::array table{
      observe::gauge<&HostStats::connections>("connections", "Connections that live now."),
      observe::counter<&HostStats::opened>("opened", "Handshakes that reached the host."),
      observe::counter<&HostStats::accepted>("accepted", "Handshakes that a consumer accepted."),
      observe::counter<&HostStats::denied>("denied", "Handshakes that a consumer or a middleware refused."),
      observe::counter<&HostStats::no_route>("no_route", "Handshakes for a path without a route (404)."),
      observe::counter<&HostStats::failed_handlers>("failed_handlers", "Exceptions of handlers."),
      observe::counter<&HostStats::unknown_events>("unknown_events", "Events for which a consumer has no handler."),
      observe::counter<&HostStats::undecodable_events>("undecodable_events",
                                                       "Events that do not fit the struct of their handler."),
      observe::counter<&HostStats::full_mailboxes>(
          "full_mailboxes",
          "Times that a client was not read since its consumer had ConsumerLimits::client_mail messages waiting."),
      observe::counter<&HostStats::mailbox_overflows>(
          "mailbox_overflows",
          "Events past a channel's capacity, or broadcasts past ConsumerLimits::queued_bytes, for a busy consumer."),
      observe::counter<&HostStats::limits_met>("limits_met", "Pages past their number or bytes per connection."),
      observe::counter<&HostStats::sends_after_close>("sends_after_close",
                                                      "Sends of handlers whose connection had ended."),
      observe::counter<&HostStats::dropped_at_close>(
          "dropped_at_close", "Events and broadcasts for a connection that had ended or a group that it had left."),
      observe::counter<&HostStats::destroyed_handlers>("destroyed_handlers",
                                                       "Handlers that were destroyed while they waited, past "
                                                       "ConsumerLimits::disconnect_grace or with a shed consumer."),
      observe::counter<&HostStats::shed_consumers>(
          "shed_consumers",
          "Connections closed since they held the most when all were past ConsumerLimits::server_held_bytes (1013)."),
      observe::counter<&HostStats::missed_events>(
          "missed_events", "Events that were lost for want of memory; their connections were closed (1013)."),
      observe::gauge<&HostStats::held_bytes>("held_bytes", "Bytes that busy consumers and pages hold now."),
      observe::counter<&HostStats::slow_clients>("slow_clients",
                                                 "Times that broadcasts had to wait for a slow client."),
      observe::counter<&HostStats::dropped_newest>("dropped_newest",
                                                   "Broadcasts that a slow client missed, dropped as the newest."),
      observe::counter<&HostStats::dropped_oldest>("dropped_oldest",
                                                   "Broadcasts that a slow client missed, dropped as the oldest."),
      observe::counter<&HostStats::superseded>("superseded", "Broadcasts that a newer one with the same key replaced."),
      observe::counter<&HostStats::gaps_told>("gaps", "Times that a client was notified of a gap."),
      observe::gauge<&HostStats::backlog_bytes>("backlog_bytes", "Bytes that wait now for slow clients."),
  };
  return table;
}

}  // namespace sluice::SLUICE_ABI
