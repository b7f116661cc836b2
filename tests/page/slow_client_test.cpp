// SPDX-License-Identifier: MIT
// Pages whose client is slow.
#include <optional>
#include <string>

#include "page/house.hpp"
#include "support/catch.hpp"

using namespace page_test;

namespace {

// A page type with a word of its own: prices of a market, of which the newest are what counts.
class MarketPage final : public Page<TableParams> {
 public:
  explicit MarketPage(std::optional<WhenSlow> word) : Page("market"), word_(word) {}
  Task<bool> can_add(const Scope&, const TableParams&) override { return true; }
  std::string group_name(const TableParams& page) const override { return "market-" + std::to_string(page.table_id); }
  std::optional<WhenSlow> when_slow() const override { return word_; }

 private:
  std::optional<WhenSlow> word_;
};

HostOptions tight() {
  HostOptions options;
  options.limits.slow_bytes = 10;
  options.limits.backlog_messages = 2;
  return options;
}

class Market {
 public:
  Market(std::optional<WhenSlow> word, WhenSlow usual)
      : house({.when_slow = usual}, tight()), market(std::make_shared<MarketPage>(word)) {
    if (!house.registry->add(market)) throw std::logic_error("add");
    ann = Browser::in(house, "user=7");
    ann->ask(R"({"page":"market","table_id":1})");
    ann->ask(R"({"page":"table","table_id":2})");
  }
  void slow() {
    ann->client.connection().stall(SIZE_MAX);
    tell_users("fill the queue");
    ann->heard();
  }
  std::string quick() {
    ann->client.connection().unstall();
    return ann->heard();
  }
  void tick(int price, std::string key = {}) {
    check(market->broadcast(house.layer, TableParams{1}, Payload(price, std::move(key))));
  }
  void change(int row) { check(house.table->broadcast(house.layer, TableParams{2}, row)); }
  void tell_users(const std::string& news) { check(broadcast_to_all_users(house.layer, news)); }

  House house;
  std::shared_ptr<MarketPage> market;
  std::unique_ptr<Browser> ann;

 private:
  void check(const Result<void>& sent) {
    if (!sent) throw std::logic_error(sent.error().message());
    house.executor.run_all();
  }
};

}  // namespace

TEST_CASE("a page type chooses the policy for slow clients of its pages", "[page]") {
  Market market(WhenSlow::keep_latest, WhenSlow::close);
  market.slow();
  market.tick(1, "euro");
  market.tick(2, "yen");
  market.tick(3, "euro");
  market.change(4);
  market.tell_users("news");
  CHECK(market.quick() == "2\n3\n4\n\"news\"");  // and no word of what was superseded: the client has the newest
  CHECK(market.house.host.stats().superseded == 1);
}

TEST_CASE("a page type without a policy uses its consumer's", "[page]") {
  Market market(std::nullopt, WhenSlow::drop_newest);
  market.slow();
  for (int price = 1; price <= 3; ++price) market.tick(price);
  CHECK(market.quick() ==
        "1\n2\n"
        R"({"type":"updates_missed","pages":[{"page":"market","parameters":{"table_id":1}}]})");
}

TEST_CASE("after a gap a client is told which pages to fetch again, with its own parameters", "[page]") {
  Market market(WhenSlow::drop_oldest, WhenSlow::close);
  market.ann->ask(R"({"page":"market","table_id":"1"})");
  market.ann->ask(R"({"page":"market","table_id":5})");
  market.slow();
  for (int price = 1; price <= 3; ++price) market.tick(price);
  CHECK(market.quick() == R"({"type":"updates_missed","pages":[{"page":"market","parameters":{"table_id":1}}]})"
                          "\n2\n3");
}

TEST_CASE("a gap of a group that is no page's concerns all pages", "[page]") {
  Market market(std::nullopt, WhenSlow::drop_oldest);
  market.slow();
  for (const char* news : {"one", "two", "three"}) market.tell_users(news);
  CHECK(market.quick() == R"({"type":"updates_missed"})"
                          "\n\"two\"\n\"three\"");
}

TEST_CASE("a revocation overtakes what waits for a slow client of the page", "[page][CC-27]") {
  Market market(std::nullopt, WhenSlow::drop_oldest);
  market.slow();
  for (int row = 1; row <= 3; ++row) market.change(row);
  REQUIRE(remove_users_from_permission_group(market.house.layer, "permissions-table-2", {7}));
  market.house.executor.run_all();
  market.change(4);
  CHECK(market.quick() == R"({"type":"page_discard","page":"table","parameters":{"table_id":2}})");
  CHECK(market.house.host.stats().gaps_told == 0);
}

TEST_CASE("a slow client that is signed out receives earlier messages first", "[page][CC-30]") {
  Market market(std::nullopt, WhenSlow::drop_oldest);
  market.slow();
  market.change(1);
  REQUIRE(force_disconnect_users(market.house.layer, {7}));
  market.house.executor.run_all();
  CHECK(market.ann->heard() ==
        "1\n"
        R"({"type":"force_disconnect"})"
        "\nclose 1000");
}
