// SPDX-License-Identifier: MIT
// Where the library's few log lines go: one function, replaceable, standard error by default.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace sluice {

enum class LogLevel { debug, info, warning, error };

/// "debug", "info", "warning", "error".
std::string_view to_string(LogLevel level) noexcept;

/// Takes one finished line without its newline. Called from any thread, one call at a time. While it runs, other
/// threads that log leave their lines with it and go on.
using LogSink = std::function<void(LogLevel, std::string_view line)>;

/// A longer line is cut, and says by how much.
inline constexpr std::size_t max_log_line_bytes = 1'024;

/// Replaces the process's log sink and returns the old one, which is not called any more: it waits for a call on
/// another thread to end. A sink may replace itself. An empty sink silences the library; the default writes info and
/// above to standard error. A sink that refers to an object is replaced before that object is destroyed: in its
/// destructor, say. Any thread, also while static objects are destroyed.
LogSink set_log_sink(LogSink sink);

/// Hands one line to the sink. Never throws; a sink that throws loses its line, what the sink itself logs is lost, and
/// of more than 1,000 lines that wait for a slow sink those beyond are lost, which the log says. Any thread, also while
/// static objects are destroyed.
void log(LogLevel level, std::string_view line) noexcept;

}  // namespace sluice
