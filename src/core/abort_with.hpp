// SPDX-License-Identifier: MIT
// The end of a program that would go on with broken memory.
#pragma once

#include <string_view>

namespace sluice {

/// Ends the program, behind a line in the log that says why. The log sink has the line before the program ends, or,
/// where it does not come back from another thread's line within a second, standard error has it. Any thread.
[[noreturn]] void abort_with(std::string_view line) noexcept;

}  // namespace sluice
