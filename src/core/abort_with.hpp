// SPDX-License-Identifier: MIT
// Aborts a program that would continue with broken memory.
#pragma once

#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// Logs the line, then ends the program. If the log sink is still busy with a line of another thread after one second,
/// the line is written to standard error instead. Any thread.
[[noreturn]] SLUICE_API void abort_with(std::string_view line) noexcept;

}  // namespace sluice::SLUICE_ABI
