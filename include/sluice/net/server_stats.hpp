// SPDX-License-Identifier: MIT
// Counters of a server.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/observe/metric.hpp"
#include "sluice/observe/metrics_text.hpp"

namespace sluice::SLUICE_ABI {

/// Counters of a server since its start, and its current state. A value.
struct SLUICE_API ServerStats {
  std::uint64_t accepted = 0;     // TCP connections
  std::uint64_t connections = 0;  // open now
  std::uint64_t opened = 0;       // WebSockets: handshakes accepted
  std::uint64_t open = 0;         // of them not closed yet
  std::uint64_t http_requests = 0;
  std::uint64_t responses_cut = 0;  // HTTP responses that were begun and not sent whole: the client left or took
                                    // nothing, or the body failed
  std::vector<std::pair<int, std::uint64_t>>
      refused;                      // by HTTP status: bad heads, denied handshakes, limits, deadlines
  std::uint64_t tls_failed = 0;     // connections that a TLS error ended; not those that only broke off
  std::uint64_t proxy_refused = 0;  // connections of trusted proxies whose PROXY header is missing or malformed

  std::uint64_t messages_in = 0;
  std::uint64_t sends = 0;     // calls of Connection::send; a Frame of several messages is one
  std::uint64_t bytes_in = 0;  // within TLS, as bytes_out
  std::uint64_t bytes_out = 0;
  std::uint64_t writes = 0;  // system calls that wrote; under TLS, records

  // Now, to a 64th of their limits; 0 where there is no limit.
  std::uint64_t queued_bytes = 0;  // that wait for clients whose network takes no more
  std::uint64_t unused_bytes = 0;  // that clients have sent and nobody has used yet
  std::uint64_t stopping = 0;      // 1 since stop() was called

  // Limits that were met without ending a WebSocket.
  std::uint64_t server_full = 0;      // connections past ServerLimits::connections
  std::uint64_t address_full = 0;     // past ServerLimits::connections_per_address
  std::uint64_t read_ahead_full = 0;  // times that a client was not read past ServerLimits::read_ahead_bytes
  std::uint64_t turned_away = 0;      // attempts past ServerLimits::refusals_per_address
  std::uint64_t throttled = 0;        // times that a peer faster than its rates was not read for a while
  std::uint64_t pings = 0;            // sent to peers that were silent for ServerLimits::ping_every
  std::uint64_t cut_off = 0;          // peers that did not do their part of an end within ServerLimits::close_time
  std::uint64_t cut_off_by_stop = 0;  // connections of any kind that were still open after StopOptions::grace

  // Compression: the WebSockets that negotiated it; its messages, and their bytes before and after. A message for many
  // connections is compressed once, and counts once. A message that did not shrink counts as plain.
  std::uint64_t compressing = 0;
  std::uint64_t deflated = 0;
  std::uint64_t deflated_plain_bytes = 0;
  std::uint64_t deflated_wire_bytes = 0;
  std::uint64_t inflated = 0;
  std::uint64_t inflated_plain_bytes = 0;
  std::uint64_t inflated_wire_bytes = 0;

  // Why WebSockets ended; together they are opened - open.
  std::uint64_t closed_by_peer = 0;
  std::uint64_t closed_by_gateway = 0;
  std::uint64_t closed_by_stop = 0;
  std::uint64_t vanished = 0;          // no close frame (1006)
  std::uint64_t too_slow = 0;          // past ConsumerLimits::queued_bytes (1013)
  std::uint64_t too_big = 0;           // a message past ServerLimits::message_bytes (1009)
  std::uint64_t protocol_errors = 0;   // a frame that RFC 6455 forbids (1002)
  std::uint64_t invalid_payloads = 0;  // text that is not UTF-8, or compressed messages that can't be read (1007)
  std::uint64_t too_many_frames = 0;   // a message past ServerLimits::frames_per_message (1008)
  std::uint64_t too_fast = 0;          // past its rates, where those close (1008)
  std::uint64_t timed_out = 0;         // no answer to a ping (1006)
  std::uint64_t idle = 0;              // no message for ServerLimits::idle_time (1000)
  std::uint64_t too_old = 0;           // past ServerLimits::lifetime (1001)
  std::uint64_t late_messages = 0;     // a message that took longer than ServerLimits::message_time (1008)
  std::uint64_t shed_unused = 0;  // had the most unused when all were past ServerLimits::server_unused_bytes (1013)
  std::uint64_t shed = 0;         // had the largest queue when all were past ConsumerLimits::server_queued_bytes (1013)

  static constexpr std::string_view metric_prefix = "sluice_server";
  /// The metrics of these numbers. Any thread.
  static std::span<const observe::Metric<ServerStats>> metrics() noexcept;
  /// `refused`, with its statuses as labels.
  void add_labelled(MetricsText& text, const MetricsText::Labels& labels) const;
};

}  // namespace sluice::SLUICE_ABI
