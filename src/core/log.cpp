// SPDX-License-Identifier: MIT
#include "sluice/core/log.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <mutex>
#include <utility>

namespace sluice {
namespace {

void write_to_stderr(LogLevel level, std::string_view line) {
  if (level == LogLevel::debug) return;
  fmt::print(stderr, "sluice {}: {}\n", to_string(level), line);
}

std::mutex sink_mutex;

LogSink& the_sink() {
  static LogSink sink = write_to_stderr;
  return sink;
}

}  // namespace

std::string_view to_string(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
  }
  return "unknown";
}

LogSink set_log_sink(LogSink sink) {
  std::lock_guard lock(sink_mutex);
  return std::exchange(the_sink(), std::move(sink));
}

void log(LogLevel level, std::string_view line) noexcept {
  thread_local bool in_the_sink = false;
  if (std::exchange(in_the_sink, true)) return;  // the sink broadcasts its lines, say, and that has gone wrong as well
  try {
    std::lock_guard lock(sink_mutex);
    if (the_sink()) the_sink()(level, line);
  } catch (...) {  // a log line is not worth a connection
  }
  in_the_sink = false;
}

}  // namespace sluice
