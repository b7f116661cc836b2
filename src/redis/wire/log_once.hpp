// SPDX-License-Identifier: MIT
// Logs a repeated reason once.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI::redis {

/// Remembers logged reasons. A reason is news again after `quiet_time` without it. One thread at a time.
class LogOnce {
 public:
  explicit LogOnce(std::chrono::milliseconds quiet_time = std::chrono::minutes(1)) : quiet_time_(quiet_time) {}

  /// True if it should be logged. Each call restarts its quiet time.
  bool is_news(std::string_view reason, Executor::Clock::time_point now) {
    const auto known = std::ranges::find(reasons_, reason, &Reason::text);
    if (known != reasons_.end()) return now - std::exchange(known->met, now) > quiet_time_;
    if (reasons_.size() == most_reasons) reasons_.erase(std::ranges::min_element(reasons_, {}, &Reason::met));
    reasons_.push_back({std::string(reason), now});
    return true;
  }

 private:
  static constexpr std::size_t most_reasons = 16;
  struct Reason {
    std::string text;
    Executor::Clock::time_point met;
  };

  const std::chrono::milliseconds quiet_time_;
  std::vector<Reason> reasons_;
};

}  // namespace sluice::SLUICE_ABI::redis
