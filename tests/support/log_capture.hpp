// SPDX-License-Identifier: MIT
// The library's log lines, kept for a test instead of printed.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/core/log.hpp"

namespace sluice::test {

/// Takes the log until the end of its scope, and keeps the lines of this level and above. Any thread.
class LogCapture {
 public:
  explicit LogCapture(LogLevel least = LogLevel::debug)
      : before_(set_log_sink([this, least](LogLevel level, std::string_view line) {
          if (level >= least) add(line);
        })) {}
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  ~LogCapture() { set_log_sink(std::move(before_)); }

  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  /// All lines, each with a newline behind it.
  std::string text() const {
    std::string all;
    for (const std::string& line : lines()) all += line + '\n';
    return all;
  }
  /// The same, and forgets them.
  std::string take() {
    std::string all = text();
    clear();
    return all;
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    lines_.clear();
  }
  /// How many lines there are.
  std::size_t size() const { return lines().size(); }
  /// How often the lines contain this.
  std::size_t count(std::string_view part) const {
    const std::string all = text();
    std::size_t times = 0;
    for (auto at = all.find(part); at != all.npos; at = all.find(part, at + 1)) ++times;
    return times;
  }

 private:
  void add(std::string_view line) {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(line);
  }

  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
  LogSink before_;
};

}  // namespace sluice::test
