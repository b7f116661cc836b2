// SPDX-License-Identifier: MIT
// Histograms, and how they are written.
#include "sluice/observe/histogram.hpp"

#include <array>
#include <chrono>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sluice/observe/loop_lag.hpp"
#include "sluice/observe/metrics_text.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("a value counts in the first bucket whose bound is not below it", "[observe]") {
  Histogram histogram(std::array{1., 10.});
  for (const double value : {0., 1., 1.5, 10., 11.}) histogram.add(value);
  const auto taken = histogram.snapshot();
  CHECK(taken.bounds == std::vector<double>{1, 10});
  CHECK(taken.counts == std::vector<std::uint64_t>{2, 2, 1});
  CHECK(taken.sum == 23.5);
}

TEST_CASE("a histogram without ascending bounds is refused", "[observe]") {
  CHECK_THROWS_AS(Histogram(std::array{2., 1.}), std::invalid_argument);
  CHECK_THROWS_AS(Histogram(std::array{1., 1.}), std::invalid_argument);
  CHECK_NOTHROW(Histogram(Histogram::times()));
  CHECK_NOTHROW(Histogram(Histogram::sizes()));
}

TEST_CASE("a histogram is written with its unit, and each bucket holds those before it", "[observe]") {
  Histogram histogram(std::array{0.01, 1.});
  histogram.add(5ms);
  histogram.add(500ms);
  histogram.add(2s);
  MetricsText text;
  text.add_histogram("wait_seconds", "How long.", histogram, {{"line", "a"}});
  CHECK(text.str() ==
        "# TYPE wait_seconds histogram\n"
        "# UNIT wait_seconds seconds\n"
        "# HELP wait_seconds How long.\n"
        "wait_seconds_bucket{line=\"a\",le=\"0.01\"} 1\n"
        "wait_seconds_bucket{line=\"a\",le=\"1.0\"} 2\n"
        "wait_seconds_bucket{line=\"a\",le=\"+Inf\"} 3\n"
        "wait_seconds_count{line=\"a\"} 3\n"
        "wait_seconds_sum{line=\"a\"} 2.505\n"
        "# EOF\n");
  CHECK_THROWS_AS(text.add_gauge("wait_seconds", "", 1), std::invalid_argument);
}

TEST_CASE("a histogram whose label can't be a name writes nothing", "[observe]") {
  MetricsText text;
  const Histogram histogram(std::array{1.});
  CHECK_THROWS_AS(text.add_histogram("size_bytes", "", histogram, {{"a-b", ""}}), std::invalid_argument);
  CHECK_THAT(text.str(), !ContainsSubstring("_bucket"));
}

namespace {

/// An executor whose timers run when the test says so.
class Late final : public Executor, public ExecutorGroup {
 public:
  void post(Function<void()> job) override { timer = std::move(job); }
  void post_after(std::chrono::nanoseconds, Function<void()> job) override {
    if (no_memory) throw std::bad_alloc();
    timer = std::move(job);
  }
  Clock::time_point now() const override { return time; }
  std::size_t size() const noexcept override { return 1; }
  Executor& at(std::size_t) noexcept override { return *this; }
  void run_at(Clock::time_point at) {
    time = at;
    std::exchange(timer, Function<void()>())();
  }

  bool no_memory = false;
  Clock::time_point time{};
  Function<void()> timer;
};

}  // namespace

TEST_CASE("the lag of an executor is how late its timers run", "[observe]") {
  Late executor;
  LoopLag lag(executor, 100ms);
  executor.run_at(executor.time + 100ms);
  executor.run_at(executor.time + 100ms + 25ms);
  const std::string text = MetricsText().add(lag).str();
  CHECK_THAT(text, ContainsSubstring("sluice_loop_lag_seconds_bucket{executor=\"0\",le=\"0.01\"} 1\n"));
  CHECK_THAT(text, ContainsSubstring("sluice_loop_lag_seconds_bucket{executor=\"0\",le=\"0.03\"} 2\n"));
  CHECK_THAT(text, ContainsSubstring("sluice_loop_lag_seconds_sum{executor=\"0\"} 0.025\n"));
}

TEST_CASE("the lag is measured no more once its object has ended", "[observe]") {
  testing::ManualExecutor executor;
  { const LoopLag lag(executor, 100ms); }
  executor.advance(100ms);
  CHECK(executor.timers() == 0);
}

TEST_CASE("without memory for its timer the lag is measured no more, and the log says so", "[observe]") {
  const test::LogCapture log(LogLevel::error);
  Late executor;
  const LoopLag lag(executor, 100ms);
  executor.no_memory = true;
  executor.run_at(executor.time + 100ms);
  CHECK(log.text() == "the lag of an executor is not measured any more: std::bad_alloc\n");
}
