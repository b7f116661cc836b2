// SPDX-License-Identifier: MIT
#include "sluice/page/page_registry.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "page/house.hpp"
#include "support/catch.hpp"

using namespace page_test;

namespace {

// Writes down its hooks, and what a registry knew of it meanwhile.
class HookedPage final : public PageType {
 public:
  HookedPage(PageRegistry& registry, std::string& story) : PageType("hooked", {}), registry_(registry), story_(story) {}

  Task<bool> can_add(const Scope&, const PageParameters&) override { return true; }
  std::string group_name(const PageParameters&) const override { return "hooked"; }
  void after_register() override { story_ += registry_.find("hooked") ? "after, known;" : "after, unknown;"; }
  void before_unregister() override { story_ += registry_.find("hooked") ? "before, known;" : "before, unknown;"; }

 private:
  PageRegistry& registry_;
  std::string& story_;
};

class BarePage final : public PageType {
 public:
  explicit BarePage(std::string type, std::vector<PageParameter> parameters = {})
      : PageType(std::move(type), std::move(parameters)) {}
  Task<bool> can_add(const Scope&, const PageParameters&) override { return true; }
  std::string group_name(const PageParameters&) const override { return "bare"; }
};

}  // namespace

TEST_CASE("a registry finds what was added, until it is removed", "[page][PT-2]") {
  PageRegistry registry;
  auto table = std::make_shared<TablePage>();
  REQUIRE(registry.add(table));
  REQUIRE(registry.add(std::make_shared<RowPage>()));
  CHECK(registry.find("table") == table);
  CHECK(registry.get("table").value() == table);
  CHECK(registry.types() == std::vector<std::string>{"row", "table"});

  REQUIRE(registry.remove(*table));
  CHECK(registry.find("table") == nullptr);
  REQUIRE(registry.remove("row"));
  CHECK(registry.types().empty());
}

TEST_CASE("an unknown page type is an error that names it and the known ones", "[page][PT-2]") {
  PageRegistry registry;
  CHECK(registry.get("table").error().message() == "unknown_page_type: no page type \"table\"; registered are: ");
  REQUIRE(registry.add(std::make_shared<ViewPage>()));
  REQUIRE(registry.add(std::make_shared<RowPage>()));
  CHECK(registry.get("table").error().message() ==
        "unknown_page_type: no page type \"table\"; registered are: row, view");
  CHECK(registry.remove("table").error().code() == ErrorCode::unknown_page_type);
  CHECK(registry.find("") == nullptr);
}

TEST_CASE("a name is registered once, and null never", "[page][PT-2]") {
  PageRegistry registry;
  REQUIRE(registry.add(std::make_shared<TablePage>()));
  CHECK(registry.add(std::make_shared<TablePage>()).error().message() ==
        "already_exists: page type \"table\": registered already");
  CHECK(registry.add(nullptr).error().code() == ErrorCode::invalid_argument);
  REQUIRE(registry.remove("table"));
  CHECK(registry.add(std::make_shared<TablePage>()));
}

TEST_CASE("a page type without a name can't be built, nor one with odd parameters", "[page][PT-2]") {
  CHECK_THROWS_AS(BarePage(""), std::invalid_argument);
  CHECK_THROWS_AS(BarePage("x", {{.name = ""}}), std::invalid_argument);
  CHECK_THROWS_AS(BarePage("x", {{.name = "page"}}), std::invalid_argument);
  CHECK_THROWS_AS(BarePage("x", {{.name = "remove_page"}}), std::invalid_argument);
  CHECK_THROWS_AS(BarePage("x", {{.name = "a"}, {.name = "b"}, {.name = "a"}}), std::invalid_argument);
  CHECK_NOTHROW(BarePage("x", {{.name = "a"}, {.name = "b"}}));
}

TEST_CASE("the hooks run while the registry knows the page type", "[page][PT-2]") {
  PageRegistry registry;
  std::string story;
  REQUIRE(registry.add(std::make_shared<HookedPage>(registry, story)));
  REQUIRE(!registry.add(std::make_shared<HookedPage>(registry, story)));
  REQUIRE(registry.remove("hooked"));
  CHECK(story == "after, known;before, known;");
}

TEST_CASE("page types are looked up by many threads while one changes them", "[page][PT-2]") {
  PageRegistry registry;
  REQUIRE(registry.add(std::make_shared<RowPage>()));
  std::atomic<bool> stop = false;
  std::atomic<int> lost = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        if (!registry.find("row")) ++lost;
        if (auto table = registry.find("table"); table && table->type() != "table") ++lost;
        registry.count(PageRegistry::Counter::added);
      }
    });
  }
  for (int i = 0; i < 2000; ++i) {
    REQUIRE(registry.add(std::make_shared<TablePage>()));
    REQUIRE(registry.remove("table"));
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(lost == 0);
}

TEST_CASE("each kind of outcome is counted by its own name", "[page]") {
  PageRegistry registry;
  using Counter = PageRegistry::Counter;
  registry.count(Counter::added);
  for (int i = 0; i < 2; ++i) registry.count(Counter::refused);
  for (int i = 0; i < 3; ++i) registry.count(Counter::failed);
  for (int i = 0; i < 4; ++i) registry.count(Counter::unknown_type);
  for (int i = 0; i < 5; ++i) registry.count(Counter::ignored);
  for (int i = 0; i < 6; ++i) registry.count(Counter::evicted);
  const PageStats stats = registry.stats();
  CHECK(stats.added == 1);
  CHECK(stats.refused == 2);
  CHECK(stats.failed == 3);
  CHECK(stats.unknown_type == 4);
  CHECK(stats.ignored == 5);
  CHECK(stats.evicted == 6);
}
