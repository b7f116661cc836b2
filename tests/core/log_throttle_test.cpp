// SPDX-License-Identifier: MIT
#include "sluice/core/log_throttle.hpp"

#include <stdexcept>

#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace std::chrono_literals;
using sluice::LogThrottle;

TEST_CASE("the first event of a period is logged, and the next line counts those that were suppressed", "[core]") {
  LogThrottle log({.lines = 1, .period = 10s});
  const LogThrottle::Time start{1h};
  CHECK(log.event(start) == 0u);
  CHECK(log.event(start + 1s) == std::nullopt);
  CHECK(log.event(start + 10s - 1ns) == std::nullopt);
  CHECK(log.event(start + 10s) == 2u);
  CHECK(log.event(start + 11s) == std::nullopt);
  CHECK(log.event(start + 1h) == 1u);
  CHECK(log.event(start + 2h) == 0u);
}

TEST_CASE("a flood of one subject leaves the lines of another subject alone", "[core]") {
  LogThrottle log;
  const LogThrottle::Time start{1h};
  for (int i = 0; i < 1000; ++i) (void)log.event(start, "bad tokens");
  CHECK(log.event(start, "bad tokens") == std::nullopt);
  CHECK(log.event(start, "handlers") == 0u);
  CHECK(log.event(start + 10s, "bad tokens") == 996u);
}

TEST_CASE("subjects above the limit share one, until an old subject has no suppressed lines left", "[core]") {
  LogThrottle log({.lines = 1, .period = 10s});
  const LogThrottle::Time start{1h};
  for (std::size_t i = 0; i < LogThrottle::most_subjects; ++i) CHECK(log.event(start, std::to_string(i)) == 0u);
  CHECK(log.event(start, "one more") == 0u);
  CHECK(log.event(start, "and another") == std::nullopt);
  CHECK(log.event(start + 1min, "new") == 0u);
  CHECK(log.event(start + 1min, "newer") == 0u);
}

TEST_CASE("a line is made only when it is logged, at the time of the executor that runs", "[core]") {
  const sluice::test::LogCapture captured;
  sluice::testing::ManualExecutor executor;
  LogThrottle log({.lines = 1, .period = 10s});
  int made = 0;
  const auto fail = [&] {
    log.write(sluice::LogLevel::info, "handlers", [&] { return std::to_string(++made) + ";"; });
  };
  executor.run([&] { fail(), fail(), fail(); });
  executor.advance(10s);
  executor.run(fail);
  CHECK(captured.text() == "1;\n2; (2 more of the kind were not logged)\n");
  CHECK(made == 2);
  log.write(sluice::LogLevel::info, "broken", []() -> std::string { throw std::runtime_error("no memory"); });
}
