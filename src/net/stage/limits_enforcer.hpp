// SPDX-License-Identifier: MIT
// Applies the decisions of WebSocketLimits to one open WebSocket.
#pragma once

#include <cstddef>

#include "net/limits/websocket_limits.hpp"

namespace sluice::SLUICE_ABI::net {

class AsioConnection;
class ServerShard;

/// Pings, throttles and closes, and plans the next check. A part of the WebSocketStage of the connection that each call
/// names. Its executor only.
class LimitsEnforcer {
 public:
  /// The WebSocket opens.
  void begin(AsioConnection& connection);
  bool throttled() const noexcept { return limits_.throttled(); }

  /// This many bytes were read.
  void count_received(AsioConnection& connection, std::size_t bytes);
  /// A message has this many bytes more than were read.
  void count_bytes(AsioConnection& connection, std::size_t bytes);
  /// This many frames have arrived. False: the connection is closed, because they exceed the rate. With
  /// RateExcess::throttle they are still delivered.
  bool count_messages(AsioConnection& connection, std::size_t messages);
  /// Closes or throttles a connection that has exceeded its rates.
  void check_rates(AsioConnection& connection);

  void on_message_received(ServerShard& shard);
  void on_message_sent(ServerShard& shard);
  /// A message has begun and is not whole, or there is none.
  void note_message_begun(AsioConnection& connection, bool begun);
  /// The kernel has room again.
  void on_room(ServerShard& shard);
  /// In no deadline list now: checks whether a ping or the end is due.
  void check(AsioConnection& connection);
  /// A throttled connection may be read again, or the time of the peer's end has passed.
  void on_deadline(AsioConnection& connection);

 private:
  void plan_next_check(AsioConnection& connection);
  void apply(AsioConnection& connection, RateLimiter::Verdict verdict);
  static void ping(AsioConnection& connection);

  [[no_unique_address]] WebSocketLimits limits_;
};

}  // namespace sluice::SLUICE_ABI::net
