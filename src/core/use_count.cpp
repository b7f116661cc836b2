// SPDX-License-Identifier: MIT
#include "sluice/core/use_count.hpp"

#include <fmt/format.h>

#include "core/abort_with.hpp"

namespace sluice::SLUICE_ABI {

void UseCount::refuse() const noexcept {
  const char* const user = last_user_.load(std::memory_order_relaxed);
  abort_with(fmt::format("{} is destroyed while {} still uses it: destroy {} first", owner_, user, user));
}

}  // namespace sluice::SLUICE_ABI
