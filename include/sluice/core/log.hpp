// SPDX-License-Identifier: MIT
// Where the library's few log lines go: one function, replaceable, standard error by default.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

enum class LogLevel { debug, info, warning, error };

/// "debug", "info", "warning", "error".
SLUICE_API std::string_view to_string(LogLevel level) noexcept;

/// Something that a line is about: `{"path", "/ws/core/"}`. The value may be a client's text, cut to
/// max_log_field_bytes and not escaped. Views; they end with the call.
struct LogField {
  std::string_view name;
  std::string_view value;
};

/// A line with its fields. Views; they end with the call.
struct LogRecord {
  LogLevel level;
  std::string_view line;             // without its newline
  std::span<const LogField> fields;  // connection, path, user and channel, where it is about one
  std::chrono::system_clock::time_point time;
};

/// Takes one line: a callable with (LogLevel, std::string_view line), or one with (const LogRecord&) that gets the
/// fields too. Called from any thread, one call at a time. While it runs, other threads that log queue their lines for
/// it and continue.
class SLUICE_API LogSink {
 public:
  /// A sink that discards all lines.
  LogSink() noexcept = default;
  LogSink(std::nullptr_t) noexcept {}
  /// A callable that takes both gets the record. A null pointer and an empty std::function are silence, too.
  template <class F>
  requires(std::invocable<F&, const LogRecord&> || std::invocable<F&, LogLevel, std::string_view>) LogSink(F sink) {
    if constexpr (std::invocable<F&, const LogRecord&>) {
      take_ = std::move(sink);
    } else if (std::function<void(LogLevel, std::string_view)> take = std::move(sink)) {
      take_ = [take = std::move(take)](const LogRecord& record) { take(record.level, record.line); };
    }
  }

  explicit operator bool() const noexcept { return static_cast<bool>(take_); }
  void operator()(const LogRecord& record) const { take_(record); }

 private:
  std::function<void(const LogRecord&)> take_;
};

/// A longer line is cut, and ends with the number of bytes that were cut.
inline constexpr std::size_t max_log_line_bytes = 1'024;
inline constexpr std::size_t max_log_field_bytes = 256;
/// Fields beyond this number are left out.
inline constexpr std::size_t max_log_fields = 8;

/// Replaces the process's log sink and returns the old one, which is not called any more: it waits for a call on
/// another thread to end. A sink may replace itself. An empty sink silences the library; the default writes info and
/// above to standard error. A sink that refers to an object is replaced before that object is destroyed: in its
/// destructor, say. Any thread, also while static objects are destroyed.
SLUICE_API LogSink set_log_sink(LogSink sink);

/// Lines below this level reach no sink from now on, so that a running server can log more or less. Without a call
/// every line reaches the sink, and the default sink leaves debug out. Any thread.
SLUICE_API void set_log_level(LogLevel least) noexcept;

/// Passes one line to the sink. Never throws. A line is lost when the sink throws, when the sink itself logs it, and
/// when more than 1,000 lines wait for a slow sink; the log then states how many were lost. Any thread, also while
/// static objects are destroyed.
SLUICE_API void log(LogLevel level, std::string_view line, std::span<const LogField> fields = {}) noexcept;

}  // namespace sluice::SLUICE_ABI
