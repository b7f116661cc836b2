// SPDX-License-Identifier: MIT
#include "net/rare_log.hpp"

#include "support/catch.hpp"

using namespace std::chrono_literals;
using sluice::net::RareLog;

TEST_CASE("of what peers cause at will the first is told, and then now and again how many there were", "[net]") {
  RareLog log;
  const RareLog::Time start{1h};
  CHECK(log.event(start) == 0u);
  CHECK(log.event(start + 1s) == std::nullopt);
  CHECK(log.event(start + 10s - 1ns) == std::nullopt);
  CHECK(log.event(start + 10s) == 2u);
  CHECK(log.event(start + 11s) == std::nullopt);
  CHECK(log.event(start + 1h) == 1u);
  CHECK(log.event(start + 2h) == 0u);
}
