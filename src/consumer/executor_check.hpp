// SPDX-License-Identifier: MIT
// A call that only works on its consumer's executor.
#pragma once

#include <string_view>

#include "sluice/core/executor.hpp"

namespace sluice {

/// Throws std::logic_error with a sentence about the call if another thread makes it, whose mistake would be seen only
/// when the program crashes far from it.
void must_run_on(const Executor& executor, std::string_view call);

}  // namespace sluice
