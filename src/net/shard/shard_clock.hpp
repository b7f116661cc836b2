// SPDX-License-Identifier: MIT
// The cached time of one shard.
#pragma once

#include "net/limits/keep_alive.hpp"
#include "net/loop/deadline_list.hpp"

namespace sluice::SLUICE_ABI::net {

/// Keeps the time between two readings of the clock, so that a send need not
/// read it. Its executor only.
class ShardClock {
 public:
  using Time = Deadline::Time;

  explicit ShardClock(Time now) noexcept : born_(now), now_(now) {}

  Time set(Time now) noexcept {
    now_ = now;
    tick_ = static_cast<Tick>((now_ - born_) / std::chrono::milliseconds(1));
    return now_;
  }
  Time now() const noexcept { return now_; }
  /// Milliseconds since the shard was made.
  Tick tick() const noexcept { return tick_; }

 private:
  const Time born_;
  Time now_;
  Tick tick_ = 0;
};

}  // namespace sluice::SLUICE_ABI::net
