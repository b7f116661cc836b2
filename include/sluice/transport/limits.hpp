// SPDX-License-Identifier: MIT
// Every bound on what a peer, a group or a handler may take, in one place. All are on by default.
#pragma once

#include <chrono>
#include <cstddef>

namespace sluice {

/// Bounds with their units. A value; fixed once serving.
struct Limits {
  // --- the handshake
  std::size_t head_bytes = 16 * 1024;    // request line and headers; past it 431
  std::size_t header_count = 100;        // past it 431
  std::size_t body_bytes = 1024 * 1024;  // of a plain HTTP request; past it 413
  std::chrono::milliseconds handshake_time{
      10'000};                                  // from accept to a whole head, and from there to accept() or deny()
  std::chrono::milliseconds close_time{2'000};  // how long a close waits for the peer's side

  // --- messages
  std::size_t message_bytes = 1024 * 1024;     // one client message, its fragments joined; past it close 1009
  std::size_t queued_bytes = 4 * 1024 * 1024;  // sent, not yet taken by the network; past it close 1013
  std::size_t slow_bytes = 64 * 1024;          // of these, past which a client counts as slow (see WhenSlow)
  std::size_t backlog_bytes =
      1024 * 1024;                       // that may be dropped and wait for a slow client, half of queued_bytes at most
  std::size_t backlog_messages = 1'000;  // the same, in messages

  // --- the process
  std::size_t connections = 0;              // at once, 0: as many as there are descriptors; past it 503
  std::size_t connections_per_address = 0;  // 0: any number; past it 503

  // --- consumers
  std::size_t pages_per_connection = 1'000;  // past it a subscription is refused
  std::chrono::milliseconds disconnect_grace{
      10'000};  // a handler that still waits this long after the end is destroyed
};

}  // namespace sluice
