// SPDX-License-Identifier: MIT
#include "sluice/observe/metrics_text.hpp"

#include <limits>
#include <stdexcept>

#include "sluice/page/page_registry.hpp"
#include "support/catch.hpp"

using namespace sluice;

namespace {

struct KitchenStats {
  std::uint64_t meals = 0;
  std::uint64_t oven_bytes = 0;

  static constexpr std::string_view metric_prefix = "kitchen";
  static std::span<const observe::Metric<KitchenStats>> metrics() noexcept {
    static constexpr std::array table{
        observe::counter<&KitchenStats::meals>("meals", "Meals that were served."),
        observe::gauge<&KitchenStats::oven_bytes>("oven_bytes", "Bytes in the oven."),
    };
    return table;
  }
};

}  // namespace

TEST_CASE("a Stats struct is written with type, unit and meaning of each number", "[observe]") {
  MetricsText text;
  text.add(KitchenStats{.meals = 3, .oven_bytes = 4096});
  CHECK(text.str() ==
        "# TYPE kitchen_meals counter\n"
        "# HELP kitchen_meals Meals that were served.\n"
        "kitchen_meals_total 3\n"
        "# TYPE kitchen_oven_bytes gauge\n"
        "# UNIT kitchen_oven_bytes bytes\n"
        "# HELP kitchen_oven_bytes Bytes in the oven.\n"
        "kitchen_oven_bytes 4096\n"
        "# EOF\n");
}

TEST_CASE("samples of one metric stand together, in whatever order they were added", "[observe]") {
  MetricsText text;
  text.add(KitchenStats{.meals = 1}, {{"kitchen", "front"}}).add(KitchenStats{.meals = 2}, {{"kitchen", "back"}});
  CHECK(text.str() ==
        "# TYPE kitchen_meals counter\n"
        "# HELP kitchen_meals Meals that were served.\n"
        "kitchen_meals_total{kitchen=\"front\"} 1\n"
        "kitchen_meals_total{kitchen=\"back\"} 2\n"
        "# TYPE kitchen_oven_bytes gauge\n"
        "# UNIT kitchen_oven_bytes bytes\n"
        "# HELP kitchen_oven_bytes Bytes in the oven.\n"
        "kitchen_oven_bytes{kitchen=\"front\"} 0\n"
        "kitchen_oven_bytes{kitchen=\"back\"} 0\n"
        "# EOF\n");
}

TEST_CASE("each sample stays one line, whatever its labels and help contain", "[observe]") {
  MetricsText text;
  text.add_gauge("rows", "Rows, as \"SQL\"\nsays \\ it", 1, {{"table", "a\"b\\c\nd"}});
  CHECK(text.str() ==
        "# TYPE rows gauge\n"
        "# HELP rows Rows, as \\\"SQL\\\"\\nsays \\\\ it\n"
        "rows{table=\"a\\\"b\\\\c\\nd\"} 1\n"
        "# EOF\n");
}

TEST_CASE("a name that OpenMetrics does not allow is refused", "[observe]") {
  MetricsText text;
  for (const std::string_view name : {"", "1st", "a-b", "a b", "a\n", "ä"}) {
    CHECK_THROWS_AS(text.add_gauge(name, "", 1), std::invalid_argument);
    CHECK_THROWS_AS(text.add_gauge("rows", "", 1, {{std::string(name), "x"}}), std::invalid_argument);
  }
  text.add_gauge("rows", "", 1);
  CHECK_THROWS_AS(text.add_counter("rows", "", 1), std::invalid_argument);
}

TEST_CASE("large numbers and fractions are written in full", "[observe]") {
  MetricsText text;
  text.add_gauge("part", "", 0.25).add_gauge("many", "", 9007199254740991.0);
  text.add_gauge("none", "", -std::numeric_limits<double>::quiet_NaN());
  CHECK(text.str().find("none nan\n") != std::string::npos);
  CHECK(text.str().find("part 0.25\n") != std::string::npos);
  CHECK(text.str().find("many 9007199254740991\n") != std::string::npos);
}

TEST_CASE("the counters of a page registry are written with their names and help", "[observe]") {
  MetricsText text;
  text.add(PageStats{.added = 7, .waiting_rechecks = 2});
  CHECK(text.str().find("\nsluice_pages_added_total 7\n") != std::string::npos);
  CHECK(text.str().find("\nsluice_pages_waiting_rechecks 2\n") != std::string::npos);
}
