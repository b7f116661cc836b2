// SPDX-License-Identifier: MIT
// The metrics of LayerStats, with the texts of /metrics and of docs/observability.md.
#include <array>

#include "sluice/layer/channel_layer.hpp"

namespace sluice::SLUICE_ABI {

std::span<const observe::Metric<LayerStats>> LayerStats::metrics() noexcept {
  static constexpr std::array table{
      observe::counter<&LayerStats::sends>("sends", "Calls of send that were accepted."),
      observe::counter<&LayerStats::group_sends>("group_sends", "Calls of group_send that were accepted."),
      observe::counter<&LayerStats::deliveries>("deliveries",
                                                "Events that reached a subscriber or were stored in a plain channel."),
      observe::counter<&LayerStats::dropped_full>("dropped_full", "Events for a plain channel that held its capacity."),
      observe::counter<&LayerStats::dropped_expired>("dropped_expired", "Events that were not read in time."),
      observe::counter<&LayerStats::dropped_no_channel>("dropped_no_channel",
                                                        "Events for a channel that does not exist."),
      observe::counter<&LayerStats::dropped_too_large>("dropped_too_large",
                                                       "Events past ChannelLayerOptions::message_bytes."),
      observe::counter<&LayerStats::dropped_invalid_name>("dropped_invalid_name",
                                                          "Sends to a name that is no channel's or group's."),
      observe::counter<&LayerStats::dropped_no_room>("dropped_no_room",
                                                     "Sends that failed with no_room: too much was waiting."),
      observe::counter<&LayerStats::failed_deliveries>(
          "failed_deliveries", "Events that a subscriber missed since it threw or there was no memory."),
      observe::gauge<&LayerStats::channels>("channels", "Channels that are open now."),
      observe::gauge<&LayerStats::groups>("groups", "Groups that have a member now."),
      observe::gauge<&LayerStats::plain_channels>("plain_channels",
                                                  "Plain channels that hold an event or have a reader now."),
      observe::gauge<&LayerStats::waiting_events>(
          "waiting_events", "Events that wait for an executor or a bus now; each executor's copy counts."),
      observe::gauge<&LayerStats::waiting_bytes>("waiting_bytes", "Bytes of the events that wait now."),
  };
  return table;
}

}  // namespace sluice::SLUICE_ABI
