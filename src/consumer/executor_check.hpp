// SPDX-License-Identifier: MIT
// Checks that a call runs on its consumer's executor.
#pragma once

#include <string_view>

#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI {

/// Throws std::logic_error with a sentence about this call.
[[noreturn]] void throw_wrong_thread(std::string_view call);

/// Without this check a call from another thread would crash the program later, far from the mistake.
inline void must_run_on(const Executor& executor, std::string_view call) {
  if (!executor.runs_here()) throw_wrong_thread(call);
}

}  // namespace sluice::SLUICE_ABI
