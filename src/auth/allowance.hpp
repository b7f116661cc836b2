// SPDX-License-Identifier: MIT
// A rate limit.
#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>

#include "sluice/core/executor.hpp"
#include "sluice/transport/limits.hpp"

namespace sluice::SLUICE_ABI {

/// A token bucket for all threads. Any thread.
class Allowance {
 public:
  explicit Allowance(Rate rate)
      : per_second_(static_cast<double>(rate.per_second)),
        burst_(static_cast<double>(rate.burst > 0 ? rate.burst : rate.per_second)),
        left_(burst_) {}

  /// Takes one token; false if there is none.
  bool take() {
    const auto now = Executor::current() ? Executor::current()->now() : Executor::Clock::now();
    const std::lock_guard lock(mutex_);
    const double seconds = std::max(std::chrono::duration<double>(now - filled_at_).count(), 0.0);
    left_ = std::min(left_ + seconds * per_second_, burst_);
    filled_at_ = now;
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }

 private:
  const double per_second_, burst_;
  std::mutex mutex_;
  double left_;
  Executor::Clock::time_point filled_at_{};
};

}  // namespace sluice::SLUICE_ABI
