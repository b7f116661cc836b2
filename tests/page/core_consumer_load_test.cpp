// SPDX-License-Identifier: MIT
#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "page/house.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"

using namespace page_test;

namespace {

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t count) {
  return std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
}

std::string_view one_of(Random& random, const std::vector<std::string_view>& choices) {
  return choices[below(random, choices.size())];
}

// Random JSON of at most this depth; its keys and texts are often such as the consumer knows.
std::string random_json(Random& random, int depth) {
  static const std::vector<std::string_view> keys = {"page", "remove_page", "table_id", "row_id",
                                                     "slug", "token",       "type",     "\\u0000"};
  static const std::vector<std::string_view> scalars = {"null",
                                                        "true",
                                                        "false",
                                                        "0",
                                                        "1",
                                                        "-1",
                                                        "1.0",
                                                        "1e0",
                                                        "1.5",
                                                        "2",
                                                        "14",
                                                        "15",
                                                        "9223372036854775807",
                                                        "18446744073709551615",
                                                        "-9223372036854775809",
                                                        "123456789012345678901234567890",
                                                        "1e308",
                                                        "\"\"",
                                                        "\"1\"",
                                                        "\"01\"",
                                                        "\"a b\"",
                                                        "\"table\"",
                                                        "\"row\"",
                                                        "\"view\"",
                                                        "\"users\"",
                                                        "\"nope\"",
                                                        "\"private\"",
                                                        "\"\\ud83d\\ude00\"",
                                                        "\"\\u0000\""};
  const std::size_t kind = below(random, depth == 0 ? 1 : 4);
  if (kind == 0) return std::string(one_of(random, scalars));
  std::string text;
  for (std::size_t i = below(random, 5); i > 0; --i) {
    if (!text.empty()) text += ',';
    if (kind != 1) text += '"' + std::string(one_of(random, keys)) + "\":";
    text += random_json(random, depth - 1);
  }
  return kind == 1 ? "[" + text + "]" : "{" + text + "}";
}

// A map that is likely to be understood, in part at least.
std::string random_request(Random& random) {
  static const std::vector<std::string_view> types = {R"("table")", R"("row")", R"("view")"};
  static const std::vector<std::string_view> values = {"1",  "2",  R"("1")", "1.0",     "2",
                                                       "14", "15", R"("s")", R"("a b")"};
  std::string text = "{";
  for (const auto* key : {"page", "remove_page", "table_id", "row_id", "slug", "token"}) {
    if (below(random, 3) == 0) continue;
    if (text.size() > 1) text += ',';
    text += '"' + std::string(key) + "\":";
    const bool type = std::string_view(key).ends_with("page");
    text += below(random, 4) ? std::string(one_of(random, type ? types : values)) : random_json(random, 2);
  }
  return text + "}";
}

}  // namespace

TEST_CASE("no JSON message breaks the consumer, or leaves a group behind", "[page][CC-14][CC-15][CC-16]") {
  for (const bool page_errors : {false, true}) {
    House house({.page_errors = page_errors});
    Random random(20'251'008);
    for (int connection = 0; connection < 20; ++connection) {
      auto ann = Browser::in(house, "user=7&socket=a");
      for (int frame = 0; frame < 200; ++frame) {
        const std::string text = frame % 2 ? random_json(random, 4) : random_request(random);
        INFO(text);
        house.table->open = below(random, 4) != 0;
        const std::string heard = ann->ask(text);
        REQUIRE(heard.find("close") == std::string::npos);
      }
      house.table->open = true;
      REQUIRE(ann->ask(R"({"page":"table","table_id":1})") ==
              R"({"type":"page_add","page":"table","parameters":{"table_id":1}})");
      ann->client.disconnect();
    }
    CHECK(house.layer.stats().groups == 0);
    CHECK(house.layer.stats().channels == 0);
    CHECK(house.host.stats().failed_handlers == 0);
    CHECK(house.registry->stats().added > 100);
    CHECK(house.registry->stats().refused > 200);
    CHECK(house.registry->stats().failed > 30);
  }
}

TEST_CASE("ten thousand pages on one connection, lost one by one", "[page][CC-11][CC-27]") {
  constexpr int count = test::scaled(10'000);
  HostOptions options;
  options.limits.pages_per_connection = count;
  options.limits.page_bytes_per_connection = count * 2'000;
  House house({}, options);
  auto ann = Browser::in(house, "user=7");
  for (int table = 100; table < 100 + count; ++table) {
    ann->client.say(R"({"page":"table","table_id":)" + std::to_string(table) + "}");
  }
  CHECK(house.registry->stats().added == count);
  CHECK(house.layer.stats().groups == 2 * count + 1);
  CHECK(ann->ask(R"({"page":"table","table_id":1})")
            .ends_with(R"({"table_id":)" + std::to_string(99 + count) + "}}"));  // one too many

  for (int table = 100; table < 100 + count; ++table) {
    const std::string group = "permissions-table-" + std::to_string(table);
    REQUIRE(remove_users_from_permission_group(house.layer, group, {7}));
    house.executor.run_all();
  }
  CHECK(house.registry->stats().evicted == count);
  CHECK(house.layer.stats().groups == 1);
  const std::string heard = ann->heard();
  CHECK(std::ranges::count(heard, '\n') == count - 1);
}

TEST_CASE("ten thousand pages with one permission group, lost at once and in order", "[page][CC-27]") {
  constexpr int count = test::scaled(10'000);
  HostOptions options;
  options.limits.pages_per_connection = count;
  options.limits.page_bytes_per_connection = count * 2'000;
  House house({}, options);
  auto ann = Browser::in(house, "user=7");
  std::string expected;
  for (int row = 0; row < count; ++row) {
    ann->client.say(R"({"page":"row","table_id":1,"row_id":)" + std::to_string(row) + "}");
    expected += (row ? "\n" : "") +
                std::string(R"({"type":"page_discard","page":"row","parameters":{"table_id":1,"row_id":)") +
                std::to_string(row) + "}}";
  }
  ann->heard();
  REQUIRE(remove_users_from_permission_group(house.layer, "permissions-table-1", {7}));
  house.executor.run_all();
  CHECK((ann->heard() == expected));
  CHECK(house.layer.stats().groups == 1);
}

TEST_CASE("many pages and connections leave nothing behind", "[page][CC-5]") {
  House house;
  Random random(7);
  std::vector<std::unique_ptr<Browser>> browsers(20);
  for (int step = 0; step < 5'000; ++step) {
    auto& browser = browsers[below(random, browsers.size())];
    if (!browser) {
      browser = Browser::in(house, "user=" + std::to_string(below(random, 4) + 1));
      continue;
    }
    const std::string table = std::to_string(below(random, 5) + 1);
    switch (below(random, 8)) {
      case 0: browser->client.vanish(); [[fallthrough]];
      case 1:
        house.executor.run_all();
        browser.reset();
        break;
      case 2:
        REQUIRE(remove_users_from_permission_group(house.layer, "permissions-table-" + table,
                                                   {static_cast<int>(below(random, 4)) + 1}));
        break;
      case 3: REQUIRE(recheck_pages(house.layer, "table-" + table)); break;
      case 4: browser->ask(R"({"remove_page":"table","table_id":)" + table + "}"); break;
      case 5: browser->ask(R"({"page":"row","row_id":1,"table_id":)" + table + "}"); break;
      default: browser->ask(R"({"page":"table","table_id":)" + table + "}"); break;
    }
    house.table->open = below(random, 10) != 0;
  }
  browsers.clear();
  house.executor.run_all();
  CHECK(house.layer.stats().groups == 0);
  CHECK(house.layer.stats().channels == 0);
  CHECK(house.host.stats().connections == 0);
  CHECK(house.host.stats().failed_handlers == 0);
  CHECK(house.registry->stats().evicted > 50);
}
