// SPDX-License-Identifier: MIT
// A call that only works on its consumer's executor.
#pragma once

#include <string_view>

#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI {

/// Throws std::logic_error with a sentence about this call.
[[noreturn]] void throw_wrong_thread(std::string_view call);

/// What another thread does here would be seen only when the program crashes, far from the mistake.
inline void must_run_on(const Executor& executor, std::string_view call) {
  if (!executor.runs_here()) throw_wrong_thread(call);
}

}  // namespace sluice::SLUICE_ABI
