// SPDX-License-Identifier: MIT
// Who closes when, while a server stops. No clock and no sockets.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "sluice/core/executor.hpp"

namespace sluice::net {

/// Spreads closes over a window, so that the clients do not come back all at once: each that asks is given its own time
/// in what is left of the window. The times are evenly spread however many ask, and those who ask one after the other,
/// having come at the same time perhaps, are far apart. The first is due at once. Any thread.
class DrainPlan {
 public:
  using Time = Executor::Clock::time_point;

  DrainPlan(Time begin, std::chrono::milliseconds window) noexcept : end_(begin + window) {}

  /// When the one that asks now is to close. After the window: now.
  Time next(Time now) noexcept {
    if (now >= end_) return now;
    // Multiples of the golden ratio, of which the fractions fill an interval more evenly than chance would; in 2^64ths.
    const std::uint64_t fraction = asked_.fetch_add(1, std::memory_order_relaxed) * 0x9E3779B97F4A7C15U;
    const double part = static_cast<double>(fraction) * 0x1p-64;
    const auto left = std::chrono::duration<double, std::nano>(end_ - now);
    return now + std::chrono::duration_cast<std::chrono::nanoseconds>(part * left);
  }

 private:
  const Time end_;
  std::atomic<std::uint64_t> asked_{0};
};

}  // namespace sluice::net
