// SPDX-License-Identifier: MIT
// The end of a program that would go on with broken memory.
#pragma once

#include <string_view>

namespace sluice {

/// Logs the line, then ends the program. If the log sink is still busy with a line of another thread after one second,
/// the line is written to standard error instead. Any thread.
[[noreturn]] void abort_with(std::string_view line) noexcept;

}  // namespace sluice
