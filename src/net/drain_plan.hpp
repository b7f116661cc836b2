// SPDX-License-Identifier: MIT
// Who closes when, while a server stops. No clock and no sockets.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "sluice/core/close_reason.hpp"
#include "sluice/core/executor.hpp"

namespace sluice::net {

/// Spreads closes over a window, so that the clients do not come back all at once: each that asks is given its own time
/// in what is left of the window. The times are evenly spread however many ask, and those who ask one after the other,
/// having come at the same time perhaps, are far apart. The first is due at once. Any thread.
class DrainPlan {
 public:
  using Time = Executor::Clock::time_point;

  DrainPlan(Time begin, std::chrono::milliseconds window, std::chrono::milliseconds return_after = {}) noexcept
      : end_(begin + window), return_after_(return_after) {}

  /// When the one that asks now is to close. After the window: now.
  Time next(Time now) noexcept {
    if (now >= end_) return now;
    const auto left = std::chrono::duration<double, std::nano>(end_ - now);
    return now + std::chrono::duration_cast<std::chrono::nanoseconds>(part(asked_) * left);
  }

  /// The reason, with the time after which the client that asks now may come back: evenly spread from return_after to
  /// twice that. Unchanged without a return_after, and where it does not fit into a close frame.
  CloseReason invite_back(const CloseReason& reason) {
    if (return_after_.count() <= 0) return reason;
    const auto later = static_cast<std::int64_t>(part(invited_) * static_cast<double>(return_after_.count()));
    std::string text = reason.text() + (reason.text().empty() ? "" : " ");
    text += "retry_after_ms=" + std::to_string(return_after_.count() + later);
    return text.size() <= max_close_text_bytes ? CloseReason(reason.code(), std::move(text)) : reason;
  }

 private:
  // Multiples of the golden ratio, of which the fractions fill an interval more evenly than chance would; in 2^64ths.
  static double part(std::atomic<std::uint64_t>& asked) noexcept {
    return static_cast<double>(asked.fetch_add(1, std::memory_order_relaxed) * 0x9E3779B97F4A7C15U) * 0x1p-64;
  }

  const Time end_;
  const std::chrono::milliseconds return_after_;
  std::atomic<std::uint64_t> asked_{0};
  std::atomic<std::uint64_t> invited_{0};
};

}  // namespace sluice::net
