// SPDX-License-Identifier: MIT
#include "net/limits/keep_alive.hpp"

#include <algorithm>
#include <utility>

namespace sluice::SLUICE_ABI::net {
namespace {

using std::chrono::milliseconds;

Tick ticks(milliseconds time) noexcept { return static_cast<Tick>(time.count()); }

// From one tick to a later one; negative if the second is the earlier one.
milliseconds between(Tick from, Tick to) noexcept { return milliseconds(static_cast<std::int32_t>(to - from)); }

}  // namespace

// An old acknowledgement proves nothing. Neither does a recent one alone: the kernel probes a closed window again and
// again, and each probe is acknowledged. So from the second call on, more bytes must have been acknowledged, as long as
// some are on their way. Once all are acknowledged, a recent window update shows that the peer's program reads.
bool LatePong::can_come(const TcpProgress& now, milliseconds pong_time) noexcept {
  const auto before = std::exchange(before_, now);
  const bool on_its_way = now.unacknowledged > 0;
  const bool recent = now.since_ack < (on_its_way ? pong_time : pong_time / 2);
  if (!before) return recent;
  if (now.acknowledged > before->acknowledged) return on_its_way || before->unacknowledged > 0;
  return !on_its_way && recent;
}

void KeepAlive::begin(const ServerLimits& limits, Tick now, std::uint32_t random) noexcept {
  last_bytes_ = last_message_ = now;
  const std::uint64_t most_taken = ticks(limits.lifetime) / 8;
  ends_ = now + ticks(limits.lifetime) - static_cast<Tick>(most_taken * random >> 32U);
  pinged_ = false;
}

KeepAlive::Verdict KeepAlive::check(const ServerLimits& limits, Tick now) noexcept {
  if (limits.ping_every.count() > 0) {
    const auto silent = between(last_bytes_, now);
    if (silent >= limits.ping_every && !pinged_) {
      // This check may be late, because a handler blocked the thread or the machine slept. The peer's time to answer
      // still begins with the ping.
      last_bytes_ = now - ticks(limits.pong_time.count() > 0 ? limits.ping_every : milliseconds(0));
      pinged_ = limits.pong_time.count() > 0;
      return Verdict::ping_due;
    }
    if (pinged_ && silent >= limits.ping_every + limits.pong_time) return Verdict::timed_out;
  }
  if (limits.lifetime.count() > 0 && between(now, ends_).count() <= 0) return Verdict::expired;
  if (limits.idle_time.count() > 0 && between(last_message_, now) >= limits.idle_time) return Verdict::idle;
  return Verdict::alive;
}

std::optional<milliseconds> KeepAlive::next_check(const ServerLimits& limits, Tick now) const noexcept {
  std::optional<milliseconds> least;
  const auto consider = [&](milliseconds time) {
    time = std::max(time, milliseconds(0));
    if (!least || time < *least) least = time;
  };
  if (limits.ping_every.count() > 0) {
    const auto silent = between(last_bytes_, now);
    // A peer that answers now may be due for its next ping before the time for the last answer is over.
    consider(pinged_ ? std::min(limits.ping_every - silent + limits.pong_time, limits.ping_every)
                     : limits.ping_every - silent);
  }
  if (limits.lifetime.count() > 0) consider(between(now, ends_));
  if (limits.idle_time.count() > 0) consider(limits.idle_time - between(last_message_, now));
  return least;
}

}  // namespace sluice::SLUICE_ABI::net
