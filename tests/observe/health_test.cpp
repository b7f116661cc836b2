// SPDX-License-Identifier: MIT
// What is not well, as JSON.
#include "sluice/observe/health.hpp"

#include <chrono>

#include "support/catch.hpp"

using namespace sluice;
using namespace std::chrono_literals;

TEST_CASE("without a problem all is well", "[observe]") {
  Health health;
  health.add(std::vector<Problem>());
  CHECK(health.well());
  CHECK(health.json() == R"({"well":true,"problems":[]})");
}

TEST_CASE("a problem has its part, its cause, a sentence and the time of its beginning", "[observe]") {
  const std::chrono::system_clock::time_point since{1'796'026'500s};
  Health health;
  health.add(Problem{"layer", "down", "Redis layer: connection \"lost\"\n", since});
  health.add({Problem{"server", "connections", "full"}});
  CHECK_FALSE(health.well());
  CHECK(
      health.json() ==
      R"({"well":false,"problems":[)"
      R"({"part":"layer","cause":"down","detail":"Redis layer: connection \"lost\"\n","since":"2026-11-30T08:15:00Z"},)"
      R"({"part":"server","cause":"connections","detail":"full"}]})");
}

TEST_CASE("a number is a problem from nine tenths of its limit on", "[observe]") {
  CHECK(near_limit("server", "ServerLimits::connections", 899, 1'000).empty());
  CHECK(near_limit("server", "ServerLimits::connections", 900, 1'000) ==
        std::vector<Problem>{{"server", "connections", "ServerLimits::connections is 1000, and there are 900"}});
  CHECK(near_limit("server", "ServerLimits::connections", 1'001, 1'000).size() == 1);
  CHECK(near_limit("server", "ServerLimits::connections", 1'000'000, 0).empty());
  CHECK(near_limit("server", "ServerLimits::connections", 0, 1).empty());
}
