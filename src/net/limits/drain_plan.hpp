// SPDX-License-Identifier: MIT
// The times at which connections close while a server stops. No clock and no sockets.
#pragma once

#include <chrono>

#include "net/limits/return_times.hpp"
#include "sluice/core/close_reason.hpp"
#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI::net {

/// Spreads closes over a window, so that the clients do not reconnect all at once: each call returns its own time in
/// the rest of the window. The times are evenly spread for any number of calls, and successive ones are far apart. The
/// first is due at once. Any thread.
class DrainPlan {
 public:
  using Time = Executor::Clock::time_point;

  DrainPlan(Time begin, std::chrono::milliseconds window, std::chrono::milliseconds return_after = {}) noexcept
      : end_(begin + window), return_times_(return_after) {}

  /// The time at which this caller should close. After the window: now.
  Time next(Time now) noexcept {
    if (now >= end_) return now;
    const auto left = std::chrono::duration<double, std::nano>(end_ - now);
    return now + std::chrono::duration_cast<std::chrono::nanoseconds>(parts_.next() * left);
  }

  /// The reason, with the client's own reconnect time: from return_after to twice that.
  CloseReason invite_back(const CloseReason& reason) { return return_times_.invite_back(reason); }

 private:
  const Time end_;
  ReturnTimes return_times_;
  EvenParts parts_;
};

}  // namespace sluice::SLUICE_ABI::net
