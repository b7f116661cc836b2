// SPDX-License-Identifier: MIT
#include "net/validity.hpp"

#include <algorithm>

namespace sluice::net {
namespace {

using std::chrono::milliseconds;

Tick ticks(milliseconds time) noexcept { return static_cast<Tick>(time.count()); }

// From one tick to a later one; negative if it is not later.
milliseconds between(Tick from, Tick to) noexcept { return milliseconds(static_cast<std::int32_t>(to - from)); }

}  // namespace

void Validity::begin(const Limits& limits, Tick now, std::uint32_t chance) noexcept {
  heard_ = spoke_ = now;
  const std::uint64_t most_taken = ticks(limits.lifetime) / 8;
  ends_ = now + ticks(limits.lifetime) - static_cast<Tick>(most_taken * chance >> 32U);
  pinged_ = false;
}

Validity::Verdict Validity::judge(const Limits& limits, Tick now) noexcept {
  if (limits.ping_every.count() > 0) {
    const auto silent = between(heard_, now);
    if (silent >= limits.ping_every && !pinged_) {
      // If we come late ourselves, because a handler kept the thread or the machine slept, the peer is not to blame:
      // its time begins with the ping.
      heard_ = now - ticks(limits.pong_time.count() > 0 ? limits.ping_every : milliseconds(0));
      pinged_ = limits.pong_time.count() > 0;
      return Verdict::ping;
    }
    if (pinged_ && silent >= limits.ping_every + limits.pong_time) return Verdict::timed_out;
  }
  if (limits.lifetime.count() > 0 && between(now, ends_).count() <= 0) return Verdict::too_old;
  if (limits.idle_time.count() > 0 && between(spoke_, now) >= limits.idle_time) return Verdict::idle;
  return Verdict::stands;
}

std::optional<milliseconds> Validity::rest(const Limits& limits, Tick now) const noexcept {
  std::optional<milliseconds> least;
  const auto consider = [&](milliseconds time) {
    time = std::max(time, milliseconds(0));
    if (!least || time < *least) least = time;
  };
  if (limits.ping_every.count() > 0) {
    const auto silent = between(heard_, now);
    // A peer that answers meanwhile may be due for its next ping before the time for its answer is up.
    consider(pinged_ ? std::min(limits.ping_every - silent + limits.pong_time, limits.ping_every)
                     : limits.ping_every - silent);
  }
  if (limits.lifetime.count() > 0) consider(between(now, ends_));
  if (limits.idle_time.count() > 0) consider(limits.idle_time - between(spoke_, now));
  return least;
}

}  // namespace sluice::net
