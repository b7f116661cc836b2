// SPDX-License-Identifier: MIT
#include "page/subscriptions.hpp"

#include <malloc.h>

#include <chrono>
#include <memory>
#include <string>

#include "page/house.hpp"
#include "support/catch.hpp"

using namespace page_test;

namespace {

Subscription page(std::shared_ptr<PageType> type, std::string_view message, std::string group,
                  std::string permission_group = {}) {
  const auto document = json::Document::parse(message).value();
  return {type, PageParameters::read(type->parameters(), document.root()), std::move(group),
          std::move(permission_group)};
}

struct View {
  std::string slug, token;
  static constexpr auto fields() {
    return sluice::fields(sluice::field("slug", &View::slug), sluice::field("token", &View::token));
  }
};

}  // namespace

TEST_CASE("a page is found by its type and canonical parameters", "[page][CC-10][CC-13]") {
  const auto table = std::make_shared<TablePage>();
  const auto row = std::make_shared<RowPage>();
  Subscriptions pages;
  pages.add(page(table, R"({"table_id":1})", "table-1"));
  for (const auto* same : {R"({"table_id":1})", R"({"table_id":"1"})", R"({"table_id":1.0})"}) {
    CHECK(pages.find(*table, page(table, same, "").parameters) == 0u);
  }
  CHECK(!pages.find(*table, page(table, R"({"table_id":2})", "").parameters));
  CHECK(!pages.find(*row, page(table, R"({"table_id":1})", "").parameters));
}

TEST_CASE("a group is needed until the last of its pages is gone", "[page][CC-18][CC-20]") {
  const auto table = std::make_shared<TablePage>();
  const auto row = std::make_shared<RowPage>();
  Subscriptions pages;
  pages.add(page(table, R"({"table_id":1})", "table-1", "permissions-table-1"));
  pages.add(page(row, R"({"table_id":1,"row_id":5})", "table-1-row-5", "permissions-table-1"));
  pages.add(page(table, R"({"table_id":2})", "table-2", "permissions-table-2"));
  CHECK(pages.needing("permissions-table-1") == std::vector<Subscriptions::Number>{0, 1});
  CHECK(pages.needing("nobody's").empty());

  CHECK(pages.take(0).group == "table-1");
  CHECK(!pages.need("table-1"));
  CHECK(pages.need("permissions-table-1"));
  CHECK(pages.take(1).group == "table-1-row-5");
  CHECK(!pages.need("permissions-table-1"));
  CHECK(pages.size() == 1);
}

TEST_CASE("two pages of one group, and a page whose groups are the same", "[page][CC-18]") {
  const auto view = std::make_shared<ViewPage>();
  Subscriptions pages;
  pages.add(page(view, R"({"slug":"s","token":"a"})", "view-s"));
  pages.add(page(view, R"({"slug":"s","token":"b"})", "view-s", "view-s"));
  pages.take(0);
  CHECK(pages.need("view-s"));
  pages.take(1);
  CHECK(!pages.need("view-s"));
}

TEST_CASE("the memory of pages is counted, with long and short parameters", "[page]") {
  const auto heap = [] { return static_cast<long>(mallinfo2().uordblks); };
  const auto view = std::make_shared<ViewPage>();
  for (const std::size_t bytes : {1u, 100u, 8'000u}) {
    CAPTURE(bytes);
    Subscriptions pages;
    const auto subscribe = [&](const std::string& name) {
      const std::string token = name + std::string(bytes, '\n');
      pages.add(page(view, json::encode(View{name, token}).view(), name, "permissions-" + name));
    };
    subscribe("first");  // what reads JSON keeps its buffers
    const long before = heap();
    for (int i = 0; i < 100; ++i) subscribe("view-" + std::to_string(i));
    const long held = heap() - before;  // 0 under a sanitizer
    const auto counted = static_cast<long>(pages.memory());
    CHECK(held <= counted);
    CHECK((held == 0 || counted < 2 * held + 100'000));
    for (int i = 0; i < 100; ++i) pages.take(pages.needing("view-" + std::to_string(i)).front());
    pages.take(pages.needing("first").front());
    CHECK(pages.memory() == 0);
  }
}
