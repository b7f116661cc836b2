// SPDX-License-Identifier: MIT
// Every bound on what a peer, a group or a handler may use. A server has its bounds and a host has its own; a server
// reads those that both need from its gateway. docs/limits.md has what happens above each bound, and its counter.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// A number per second, and a number at once after a rest. A value.
struct Rate {
  std::size_t per_second = 0;  // 0: as many as come
  std::size_t burst = 0;       // 0: as many as in a second
};

/// What happens to a peer that is faster than its rates.
enum class RateExcess : std::uint8_t {
  throttle,  // the server does not read from it for a while, so that its TCP waits
  close,     // 1008
};

/// The bounds of a server: handshakes, what clients send, and how long connections live. A time of 0 means no bound
/// where that is possible. A value; fixed once serving.
struct ServerLimits {
  // --- the handshake
  std::size_t head_bytes = 16 * 1024;    // request line and headers; past it 431
  std::size_t header_count = 100;        // past it 431
  std::size_t body_bytes = 1024 * 1024;  // of a plain HTTP request; past it 413
  // From the TCP accept to a complete head, and from there to accept() or deny().
  std::chrono::milliseconds handshake_time{10'000};
  // Of a response's body, from one piece to the next; past it the connection ends. 0: any time.
  std::chrono::milliseconds piece_time{60'000};
  std::chrono::milliseconds close_time{2'000};  // how long a close waits for the peer's side

  // --- messages
  std::size_t message_bytes = 1024 * 1024;          // one client message, its fragments joined; past it close 1009
  std::uint32_t frames_per_message = 16'384;        // 1 to 16,777,215, empty ones too; past it close 1008
  std::chrono::milliseconds message_time{120'000};  // from its first byte to its last; past it close 1008
  std::size_t read_ahead_bytes = 32 * 1024;  // of messages that wait for a busy consumer; past it their client waits
  Rate message_rate{10'000, 20'000};         // of one client: the frames of its messages, pings and pongs
  Rate byte_rate{64 * 1024 * 1024};          // of one client: what comes over the wire, or, if more, out of it
  RateExcess rate_excess = RateExcess::throttle;

  // --- life
  std::chrono::milliseconds ping_every{25'000};  // of silence; then the peer is sent a ping
  std::chrono::milliseconds pong_time{20'000};   // to answer with any byte; past it 1006. 0: no answer is needed
  std::chrono::milliseconds idle_time{0};        // without a message in either direction; past it close 1000
  std::chrono::milliseconds lifetime{0};         // from accept(), up to an eighth less; past it close 1001

  // --- the process
  std::size_t connections = 0;              // at once, 0: as many as there are descriptors; past it 503
  std::size_t connections_per_address = 0;  // 0: any number; past it 503
  Rate refusals_per_address{100, 1'000};    // answers 401 and 403; past it 429 at once. 0: any number

  // Bytes of all clients that were read and not used yet; past it those with the most close 1013. 0: any number.
  std::size_t server_unused_bytes = 512 * 1024 * 1024;
};

/// The bounds of a gateway's consumers, and of what may wait for their clients. A host has them; a server reads
/// queued_bytes, slow_bytes, server_queued_bytes and disconnect_grace through Gateway::consumer_limits(). A value;
/// fixed once serving.
struct ConsumerLimits {
  // --- what waits for a client
  std::size_t queued_bytes = 4 * 1024 * 1024;  // sent, not yet taken by the network; past it close 1013
  std::size_t slow_bytes = 64 * 1024;          // of these, half at most, past which a client is slow (WhenSlow)
  std::size_t backlog_bytes = 1024 * 1024;     // that may be dropped and wait; half of queued_bytes at most
  std::size_t backlog_messages = 1'000;        // the same, in messages
  std::size_t server_queued_bytes = 512 * 1024 * 1024;  // for all slow readers; past it the largest close 1013

  // --- what a consumer takes
  std::size_t client_mail = 32;              // messages that wait for a busy consumer; past it their client waits
  std::size_t pages_per_connection = 1'000;  // past it a subscription is refused
  std::size_t page_bytes_per_connection = 2 * 1024 * 1024;  // the memory of its pages; past it the same

  // Bytes that wait for all busy consumers, with their messages and pages. Past it those with the most close 1013. 0:
  // any number.
  std::size_t server_held_bytes = 512 * 1024 * 1024;

  // A handler that still waits this long after the end of its connection is destroyed.
  std::chrono::milliseconds disconnect_grace{10'000};
};

/// The limits of gateways that do not override consumer_limits().
inline constexpr ConsumerLimits default_consumer_limits{};

/// The longest time that a limit may have, 12 days: on a 32-bit clock of milliseconds longer ones would look like the
/// past.
inline constexpr std::chrono::milliseconds longest_limit{std::chrono::hours(12 * 24)};

/// What is wrong with the limits, as a sentence that names the field and its range; empty if they are valid. Servers
/// and hosts check it when they are made. Any thread.
SLUICE_API std::string fault_of(const ServerLimits& limits);
SLUICE_API std::string fault_of(const ConsumerLimits& limits);

}  // namespace sluice::SLUICE_ABI
