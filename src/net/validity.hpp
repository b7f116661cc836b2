// SPDX-License-Identifier: MIT
// Does the peer still live, and may it still stay? No socket and no clock of its own.
#pragma once

#include <cstdint>
#include <optional>

#include "sluice/transport/limits.hpp"

namespace sluice::net {

/// Milliseconds on a shard's clock. It goes round after 49 days, so that only differences mean something.
using Tick = std::uint32_t;
/// The longest time that a difference of ticks tells from the past.
inline constexpr std::chrono::milliseconds longest_tick_time{std::chrono::hours(24 * 24)};

/// What is known of one open WebSocket's life, in 16 bytes.
///
/// Only what comes from the peer proves that it lives: its bytes, or that its TCP has taken what stood in its way. That
/// we wrote proves nothing, the kernel takes it for a peer that is long gone. A peer that was not heard for a while is
/// sent a ping, once; if nothing comes then, it has vanished. Its executor only.
class Validity {
 public:
  enum class Verdict : std::uint8_t {
    stands,
    ping,       // is due: send it
    timed_out,  // it did not answer
    idle,       // it answers, but nobody says anything
    too_old,
  };

  /// The WebSocket opens. `chance` is a random number: it takes up to an eighth from the lifetime, so that those that
  /// came together do not end together.
  void begin(const Limits& limits, Tick now, std::uint32_t chance) noexcept;
  /// The peer has proved that it lives.
  void heard(Tick now) noexcept {
    heard_ = now;
    pinged_ = false;
  }
  /// Its answer to the ping can't have come yet: it has its whole time once more.
  void wait_again(const Limits& limits, Tick now) noexcept {
    heard_ = now - static_cast<Tick>(limits.ping_every.count());
  }
  /// A message came or went.
  void spoke(Tick now) noexcept { spoke_ = now; }

  Verdict judge(const Limits& limits, Tick now) noexcept;
  /// How long until it is worth while to judge again; nothing: never.
  std::optional<std::chrono::milliseconds> rest(const Limits& limits, Tick now) const noexcept;

 private:
  Tick heard_ = 0;
  Tick spoke_ = 0;
  Tick ends_ = 0;        // if there is a lifetime
  bool pinged_ = false;  // and nothing was heard since
};

}  // namespace sluice::net
