// SPDX-License-Identifier: MIT
#include "sluice/core/log.hpp"

#include <stdexcept>

#include "support/catch.hpp"

using namespace sluice;

TEST_CASE("log lines go to the sink, which can be changed and put back", "[core]") {
  std::vector<std::string> lines;
  const LogSink before = set_log_sink([&](LogLevel level, std::string_view line) {
    lines.push_back(std::string(to_string(level)) + " " + std::string(line));
  });
  log(LogLevel::warning, "slow");
  log(LogLevel::debug, "detail");
  set_log_sink([](LogLevel, std::string_view) { throw std::runtime_error("disk full"); });
  log(LogLevel::error, "lost");
  set_log_sink([&](LogLevel level, std::string_view line) {
    log(LogLevel::error, "by the sink itself");
    lines.push_back(std::string(to_string(level)) + " " + std::string(line));
  });
  log(LogLevel::info, "broadcast");
  log(LogLevel::info, "again");
  set_log_sink({});
  log(LogLevel::error, "silent");
  set_log_sink(before);
  CHECK(lines == std::vector<std::string>{"warning slow", "debug detail", "info broadcast", "info again"});
}
