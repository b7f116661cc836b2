// SPDX-License-Identifier: MIT
// After a gap of the channel layer every page of every client is rechecked, a few at a time.
#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "page/house.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"

using namespace sluice;
using namespace page_test;

namespace {

// A page whose permission is a question to a data base, which the test answers.
class SlowPage final : public Page<TableParams> {
 public:
  SlowPage() : Page("slow") {}
  Task<bool> can_add(const Scope&, const TableParams&) override {
    if (!slow) co_return true;
    const Asked asked(*this);
    const Completion<bool> answer;
    questions.push_back(answer);
    co_return co_await answer;
  }
  std::string group_name(const TableParams& page) const override { return "slow-" + std::to_string(page.table_id); }

  bool slow = false;
  std::deque<Completion<bool>> questions;
  std::size_t now = 0, most = 0;

 private:
  struct Asked {
    explicit Asked(SlowPage& asked) : page(asked) { page.most = std::max(page.most, ++page.now); }
    ~Asked() { --page.now; }
    SlowPage& page;
  };
};

struct Crowd {
  explicit Crowd(std::size_t clients, std::uint16_t at_once = 4, int pages = 1)
      : house({.rechecks_at_once = at_once}), page(std::make_shared<SlowPage>()) {
    if (!house.registry->add(page)) throw std::logic_error("no page");
    for (std::size_t i = 0; i < clients; ++i) {
      browsers.push_back(Browser::in(house, "user=" + std::to_string(i + 1)));
      for (int table = 1; table <= pages; ++table) {
        browsers.back()->client.say(R"({"page":"slow","table_id":)" + std::to_string(table) + "}");
      }
      (void)browsers.back()->heard();
    }
    page->slow = true;
  }
  void gap() { house.tell("users", R"({"type":"layer_up"})"); }
  // The answer to the question that waits for longest.
  void answer(bool allowed) {
    const auto question = page->questions.front();
    page->questions.pop_front();
    question.resolve(allowed);
    house.executor.run_all();
  }

  House house;
  std::shared_ptr<SlowPage> page;
  std::vector<std::unique_ptr<Browser>> browsers;
};

}  // namespace

TEST_CASE("thousands of clients are rechecked a few at a time, and all of them in the end", "[page][PT-8]") {
  const std::size_t clients = test::scaled(3'000);
  Crowd crowd(clients, 16);
  crowd.gap();
  CHECK(crowd.page->now == 16);
  CHECK(crowd.house.registry->stats().waiting_rechecks == clients - 16);
  for (std::size_t i = 0; i < clients; ++i) crowd.answer(i % 2 == 0);
  CHECK(crowd.page->most == 16);
  CHECK(crowd.page->questions.empty());
  CHECK(crowd.house.registry->stats().rechecked == clients);
  CHECK(crowd.house.registry->stats().waiting_rechecks == 0);
  CHECK(crowd.house.registry->stats().evicted == clients / 2);
  CHECK(crowd.house.members("slow-1") == clients / 2);
}

TEST_CASE("a client with many pages delays the others by one at a time", "[page][PT-8]") {
  Crowd crowd(2, 1, 3);
  crowd.gap();
  std::string order;
  for (int i = 0; i < 6; ++i) {
    crowd.answer(false);
    for (std::size_t who = 0; who < 2; ++who) {
      if (!crowd.browsers[who]->heard().empty()) order += std::to_string(who);
    }
  }
  CHECK(order == "010101");
}

TEST_CASE("broadcasts during a client's recheck reach it only if it keeps the page", "[page][PT-8]") {
  Crowd crowd(3, 1);
  crowd.gap();
  crowd.house.tell("slow-1", R"({"type":"broadcast_to_group","payload":{"row":1}})");
  for (const auto& browser : crowd.browsers) CHECK(browser->heard() == "");
  crowd.answer(true);
  CHECK(crowd.browsers[0]->heard() == R"({"row":1})");
  CHECK(crowd.browsers[2]->heard() == "");
  crowd.answer(false);
  CHECK(crowd.browsers[1]->heard() == R"({"type":"page_discard","page":"slow","parameters":{"table_id":1}})");
  crowd.answer(true);
  CHECK(crowd.browsers[2]->heard() == R"({"row":1})");
}

TEST_CASE("a client that leaves during its recheck gives up its place in the queue", "[page][PT-8]") {
  Crowd crowd(4, 1);
  crowd.gap();
  crowd.browsers[1]->client.vanish();  // in the line
  crowd.browsers[0]->client.vanish();  // its question is never answered
  crowd.house.executor.advance(std::chrono::minutes(1));
  CHECK(crowd.page->now == 2);  // in so long a time the next one got the place of an answer that did not come
  crowd.page->questions.pop_front();
  crowd.answer(true);
  crowd.answer(true);
  CHECK(crowd.page->now == 0);
  CHECK(crowd.page->questions.empty());
  CHECK(crowd.house.registry->stats().waiting_rechecks == 0);
  CHECK(crowd.house.members("slow-1") == 2);
}

TEST_CASE("a permission check that does not return delays only its own client", "[page][PT-8]") {
  Crowd crowd(5, 2);
  crowd.gap();
  CHECK(crowd.page->now == 2);
  crowd.house.executor.advance(std::chrono::seconds(4));
  CHECK(crowd.page->now >= 4);
  crowd.house.executor.advance(std::chrono::seconds(4));
  CHECK(crowd.page->now == 5);  // none has been answered, and all have been asked
  for (int i = 0; i < 5; ++i) crowd.answer(true);
  CHECK(crowd.page->now == 0);
  CHECK(crowd.house.registry->stats().waiting_rechecks == 0);
  CHECK(crowd.house.members("slow-1") == 5);

  crowd.page->most = 0;  // places that had lapsed are not given back twice
  crowd.gap();
  CHECK(crowd.page->most == 2);
  while (!crowd.page->questions.empty()) crowd.answer(true);
  CHECK(crowd.page->most == 2);
}

TEST_CASE("with rechecks_at_once 0 a consumer is refused", "[page]") {
  CHECK_THROWS_AS(CoreConsumer(std::make_shared<PageRegistry>(), {.rechecks_at_once = 0}), std::invalid_argument);
}
