// SPDX-License-Identifier: MIT
// What the library logs, kept for a look instead of printed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/log.hpp"

/// Collects the lines that are logged while it lives.
class Log {
 public:
  Log()
      : before_(sluice::set_log_sink([this](sluice::LogLevel, std::string_view line) { lines_.emplace_back(line); })) {}
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log() { sluice::set_log_sink(before_); }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
  sluice::LogSink before_;
};
