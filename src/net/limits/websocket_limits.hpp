// SPDX-License-Identifier: MIT
// The ServerLimits of one open WebSocket that depend on time. No socket, no clock of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>

#include "net/limits/keep_alive.hpp"
#include "net/limits/rate_limiter.hpp"
#include "sluice/transport/limits.hpp"

namespace sluice::SLUICE_ABI::net {

/// The limits of a server, and its cached clock. A value.
struct LimitsNow {
  const ServerLimits& limits;
  const RateLimits& rates;
  Tick tick;
  RateLimiter::Time time;
};

/// KeepAlive and RateLimiter of one open WebSocket, and the time that its messages may take. An idle WebSocket keeps 21
/// bytes; an active one allocates more, which a check frees a second after its last use. Its executor only.
class WebSocketLimits {
 public:
  enum class Verdict : std::uint8_t {
    ok,
    ping_due,
    pong_missing,  // the ping was not answered in time: check whether the pong can still arrive
    idle,
    expired,
    message_late,  // a message has begun and takes too long
  };

  WebSocketLimits();
  ~WebSocketLimits();

  /// The WebSocket opens; see KeepAlive::begin for `random`.
  void begin(const LimitsNow& now, std::uint32_t random) noexcept { keep_alive_.begin(now.limits, now.tick, random); }
  /// The peer has proved that it is alive: bytes arrived, or its TCP has made room.
  void on_alive(Tick now) noexcept { keep_alive_.on_bytes(now); }
  /// A whole message was sent or received.
  void on_message(Tick now) noexcept { keep_alive_.on_message(now); }

  /// Bytes are to be counted: true if the next check is due earlier than next_check() said before.
  bool start_counting();
  /// After start_counting().
  void count_bytes(const LimitsNow& now, std::size_t bytes) noexcept;
  /// After start_counting().
  RateLimiter::Verdict count_messages(const LimitsNow& now, std::size_t messages) noexcept;
  /// Checks the bytes that were counted.
  RateLimiter::Verdict check_rates(const LimitsNow& now) noexcept;
  bool throttled() const noexcept { return cold_ && cold_->limiter && cold_->limiter->throttled(); }
  /// A throttled connection may be read again once this returns true.
  bool resume(const LimitsNow& now) noexcept;

  /// A message has begun. True: the next check is due earlier than next_check() said before.
  bool message_begun(const LimitsNow& now);
  void message_ended() noexcept;

  /// What is due now. While the connection does `read` nothing, because its gateway is busy or it is throttled, the
  /// time of a message that has begun does not run.
  Verdict check(const LimitsNow& now, bool reads) noexcept;
  /// After pong_missing. True: the peer's TCP still takes data, and the peer gets pong_time once more.
  bool wait_for_pong(const LimitsNow& now, const std::optional<TcpProgress>& progress);
  /// The time until the next check can have a result; nullopt: never.
  std::optional<std::chrono::milliseconds> next_check(const LimitsNow& now) const noexcept;

 private:
  struct Cold {
    std::optional<RateLimiter> limiter;  // while tokens are missing
    std::optional<LatePong> late_pong;
    std::optional<Tick> message_begun;
  };
  Cold& cold();
  void release_unused() noexcept;
  bool message_late(const LimitsNow& now, bool reads) noexcept;

  std::unique_ptr<Cold> cold_;                  // null while all of it is empty
  [[no_unique_address]] KeepAlive keep_alive_;  // leaves its padding to the owner's flags
};

}  // namespace sluice::SLUICE_ABI::net
