// SPDX-License-Identifier: MIT
// When an open WebSocket is pinged, times out, is idle or has reached its lifetime. No socket, no clock of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "sluice/transport/limits.hpp"

namespace sluice::SLUICE_ABI::net {

/// Milliseconds on a shard's clock. The value wraps after 49 days, so only differences have a meaning.
using Tick = std::uint32_t;
/// The longest time that a difference of ticks can express.
inline constexpr std::chrono::milliseconds longest_tick_time{std::chrono::hours(24 * 24)};

/// The bytes that the peer's TCP has acknowledged. A value.
struct TcpProgress {
  std::size_t unacknowledged;           // bytes that the kernel still holds
  std::uint64_t acknowledged;           // bytes since the connection began
  std::chrono::milliseconds since_ack;  // since the last acknowledgement, window updates included
};

/// Decides, when a pong is late, whether the peer's TCP still takes data: the ping may be behind megabytes in the
/// kernel, and its pong behind data that the peer has not read yet. Exists only while a pong is late. One thread at a
/// time.
class LatePong {
 public:
  /// Compares with the progress at the call before. True: the pong can still come, wait for it once more.
  bool can_come(const TcpProgress& now, std::chrono::milliseconds pong_time) noexcept;

 private:
  std::optional<TcpProgress> before_;
};

/// The pings, the idle time and the lifetime of one open WebSocket, in 16 bytes.
///
/// Only the peer proves that it is alive: by bytes that arrive, or by its TCP making room for bytes that waited. A
/// successful write proves nothing, because the kernel accepts bytes for a peer that vanished. A silent peer is sent
/// one ping; without an answer within pong_time it has timed out. Its executor only.
class KeepAlive {
 public:
  enum class Verdict : std::uint8_t {
    alive,
    ping_due,   // send a ping now
    timed_out,  // the ping was not answered in time
    idle,       // no message was sent or received for idle_time
    expired,    // the lifetime has ended
  };

  /// The WebSocket opens. `random` takes up to an eighth from the lifetime, so that connections that were opened
  /// together do not end together.
  void begin(const ServerLimits& limits, Tick now, std::uint32_t random) noexcept;
  /// The peer has proved that it is alive.
  void on_bytes(Tick now) noexcept {
    last_bytes_ = now;
    pinged_ = false;
  }
  /// A message was sent or received.
  void on_message(Tick now) noexcept { last_message_ = now; }
  /// The pong cannot have arrived yet: the peer gets pong_time once more.
  void extend_pong_wait(const ServerLimits& limits, Tick now) noexcept {
    last_bytes_ = now - static_cast<Tick>(limits.ping_every.count());
  }

  /// What is due now. After `ping_due` the ping counts as sent.
  Verdict check(const ServerLimits& limits, Tick now) noexcept;
  /// The time until the next check can have a result; nullopt: never.
  std::optional<std::chrono::milliseconds> next_check(const ServerLimits& limits, Tick now) const noexcept;

 private:
  Tick last_bytes_ = 0;
  Tick last_message_ = 0;
  Tick ends_ = 0;        // used only with a lifetime
  bool pinged_ = false;  // a ping was sent, and no byte arrived since
};

}  // namespace sluice::SLUICE_ABI::net
