// SPDX-License-Identifier: MIT
// Where the library's few log lines go: one function, replaceable, standard error by default.
#pragma once

#include <functional>
#include <string_view>

namespace sluice {

enum class LogLevel { debug, info, warning, error };

/// "debug", "info", "warning", "error".
std::string_view to_string(LogLevel level) noexcept;

/// Takes one finished line without its newline. Called from any thread, one call at a time.
using LogSink = std::function<void(LogLevel, std::string_view line)>;

/// Replaces the process's log sink and returns the old one; an empty sink silences the library. The default writes
/// info and above to standard error. Any thread.
LogSink set_log_sink(LogSink sink);

/// Hands one line to the sink. Any thread. Never throws; a sink that throws loses its line, and what is logged by the
/// sink itself is lost.
void log(LogLevel level, std::string_view line) noexcept;

}  // namespace sluice
