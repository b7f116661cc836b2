// SPDX-License-Identifier: MIT
#include "net/limits/drain_plan.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "support/catch.hpp"

using namespace sluice;
using namespace std::chrono_literals;
using net::DrainPlan;

namespace {

constexpr DrainPlan::Time start{1h};

std::vector<std::chrono::nanoseconds> delays(DrainPlan& plan, int count, DrainPlan::Time now = start) {
  std::vector<std::chrono::nanoseconds> all;
  for (int i = 0; i < count; ++i) all.push_back(plan.next(now) - now);
  return all;
}

}  // namespace

TEST_CASE("the first connection closes at once, and successive ones close far apart", "[net][LC-27]") {
  DrainPlan plan(start, 1000ms);
  const auto all = delays(plan, 100);
  CHECK(all.front() == 0ns);
  for (std::size_t i = 1; i < all.size(); ++i) CHECK(std::chrono::abs(all[i] - all[i - 1]) > 380ms);
  DrainPlan again(start, 1000ms);
  CHECK(delays(again, 100) == all);
}

TEST_CASE("each part of the drain window has an equal share of the closes", "[net][LC-27]") {
  for (const int count : {10, 100, 1'000, 100'000}) {
    DrainPlan plan(start, 30s);
    std::array<int, 10> slices{};
    for (const auto delay : delays(plan, count)) {
      REQUIRE(delay < 30s);
      ++slices[static_cast<std::size_t>(delay / 3s)];
    }
    for (const int closes : slices) CHECK(std::abs(closes - count / 10) <= 3);
  }
}

TEST_CASE("later connections are spread over the rest of the window", "[net][LC-27]") {
  DrainPlan plan(start, 10s);
  delays(plan, 1000);
  auto late = delays(plan, 100, start + 8s);
  std::ranges::sort(late);
  CHECK(late.front() < 100ms);
  CHECK(late.back() < 2s);
  CHECK(late.back() > 1900ms);
  CHECK(delays(plan, 3, start + 10s) == std::vector<std::chrono::nanoseconds>{0ns, 0ns, 0ns});
  CHECK(delays(plan, 1, start + 1h) == std::vector<std::chrono::nanoseconds>{0ns});
}

TEST_CASE("without a drain window all connections close at once", "[net]") {
  DrainPlan plan(start, 0ms);
  CHECK(delays(plan, 3) == std::vector<std::chrono::nanoseconds>{0ns, 0ns, 0ns});
}

TEST_CASE("each client gets a reconnect time of its own", "[net][LC-27]") {
  net::ReturnTimes times(1'000ms);
  const CloseReason reason(1012, "restart");
  CHECK(times.invite_back(reason) == CloseReason(1012, "restart retry_after_ms=1000"));
  std::array<int, 10> slices{};
  for (int i = 1; i < 1'000; ++i) {
    const std::string text = times.invite_back(CloseReason(1012)).text();
    REQUIRE(text.starts_with("retry_after_ms="));
    const int ms = std::stoi(text.substr(15));
    REQUIRE((ms >= 1'000 && ms < 2'000));
    ++slices[static_cast<std::size_t>((ms - 1'000) / 100)];
  }
  for (const int clients : slices) CHECK(std::abs(clients - 100) <= 3);
  const CloseReason full(1012, std::string(max_close_text_bytes - 10, 'x')), own(1013, "busy retry_after_ms=7");
  CHECK(times.invite_back(full) == full);
  CHECK(times.invite_back(own) == own);
  CHECK(net::ReturnTimes(0ms).invite_back(reason) == reason);
}
