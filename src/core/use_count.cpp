// SPDX-License-Identifier: MIT
#include "sluice/core/use_count.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "sluice/core/log.hpp"

namespace sluice {

void UseCount::refuse() const noexcept {
  const char* const user = last_user_.load(std::memory_order_relaxed);
  log(LogLevel::error, fmt::format("{} is destroyed while {} still uses it: destroy {} first", owner_, user, user));
  std::abort();
}

}  // namespace sluice
