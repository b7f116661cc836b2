// SPDX-License-Identifier: MIT
#include "sluice/core/log_throttle.hpp"

#include <fmt/format.h>

#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI {

std::optional<std::uint64_t> LogThrottle::event(Time now, std::string_view name) {
  std::lock_guard lock(mutex_);
  Subject& known = subject(now, name);
  if (now >= known.period_ends) {
    known.period_ends = now + bounds_.period;
    known.lines = 0;
  }
  if (known.lines == bounds_.lines) {
    ++known.suppressed;
    return std::nullopt;
  }
  ++known.lines;
  return std::exchange(known.suppressed, 0);
}

// A subject without suppressed lines is replaced by a new one.
LogThrottle::Subject& LogThrottle::subject(Time now, std::string_view name) {
  if (const auto found = subjects_.find(name); found != subjects_.end()) return found->second;
  if (subjects_.size() >= most_subjects) {
    std::erase_if(subjects_,
                  [now](const auto& one) { return one.second.suppressed == 0 && now >= one.second.period_ends; });
  }
  return subjects_[subjects_.size() < most_subjects ? std::string(name) : std::string()];
}

// A test's executor has a clock of its own.
LogThrottle::Time LogThrottle::now() {
  const Executor* const executor = Executor::current();
  return executor ? executor->now() : Executor::Clock::now();
}

std::string LogThrottle::with_count(std::string line, std::uint64_t suppressed) {
  return suppressed == 0 ? line : fmt::format("{} ({} more of the kind were not logged)", line, suppressed);
}

}  // namespace sluice::SLUICE_ABI
