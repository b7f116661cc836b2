// SPDX-License-Identifier: MIT
#include "consumer/backlog.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace sluice;

namespace {

constexpr std::size_t plenty = 1 << 20;

// A backlog whose messages are short texts, taken as a line each: "prices 7", or "gap prices 2+1" for two that were
// dropped and one that was superseded.
class Shelf {
 public:
  explicit Shelf(Backlog::Bounds bounds = {plenty, plenty, 1000}, std::size_t all_shelves = 0)
      : total(all_shelves), backlog(frames, total, bounds) {}

  bool keep(std::string_view text, std::string_view group = {}, std::size_t elsewhere = 0) {
    return backlog.keep(frames.encode(MessageKind::text, text), group, elsewhere);
  }
  Backlog::Losses put(WhenSlow policy, std::string_view group, std::string_view text, std::string_view key = {},
                      std::size_t elsewhere = 0) {
    return backlog.put(frames.encode(MessageKind::text, text), group, policy, key, elsewhere);
  }
  std::string take() {
    if (backlog.gap_is_next()) {
      const Gap gap = backlog.take_gap();
      return "gap " + gap.group + " " + std::to_string(gap.dropped) + "+" + std::to_string(gap.superseded);
    }
    const Backlog::Waiting next = backlog.take_message();
    FrameReader reader(next.frame.wire());
    std::string line = next.group.empty() ? "own" : next.group;
    while (const auto message = reader.next()) line += " " + std::string(message.payload);
    return line;
  }
  std::string take_all() {
    std::string lines;
    while (!backlog.empty()) lines += (lines.empty() ? "" : "; ") + take();
    return lines;
  }

  FrameBuffer frames;
  BacklogTotal total;
  Backlog backlog;
};

}  // namespace

TEST_CASE("a backlog is taken in the order in which it was filled", "[consumer]") {
  Shelf shelf;
  shelf.put(WhenSlow::drop_oldest, "prices", "1");
  REQUIRE(shelf.keep("hello"));
  REQUIRE(shelf.keep("news", "room"));
  shelf.put(WhenSlow::drop_newest, "robots", "2");
  shelf.put(WhenSlow::keep_latest, "prices", "3");
  CHECK(shelf.take_all() == "prices 1; own hello; room news; robots 2; prices 3");
  CHECK(shelf.backlog.empty());
  CHECK(shelf.backlog.bytes() == 0);
}

TEST_CASE("drop_newest: above the bound a group sends nothing until its gap is reported", "[consumer]") {
  Shelf shelf({plenty, plenty, 2});
  for (const char* text : {"1", "2", "3", "4"}) shelf.put(WhenSlow::drop_newest, "prices", text);
  CHECK(shelf.take() == "prices 1");
  shelf.put(WhenSlow::drop_newest, "prices", "5");  // it would fit, but 3 and 4 are missing before it
  CHECK(shelf.take() == "prices 2");
  CHECK(shelf.take() == "gap prices 3+0");
  shelf.put(WhenSlow::drop_newest, "prices", "6");
  CHECK(shelf.take_all() == "prices 6");
}

TEST_CASE("drop_oldest: above the bound the oldest of the group are dropped, and the gap precedes the rest",
          "[consumer]") {
  Shelf shelf({plenty, plenty, 3});
  shelf.put(WhenSlow::drop_oldest, "robots", "a");
  for (const char* text : {"1", "2", "3", "4"}) shelf.put(WhenSlow::drop_oldest, "prices", text);
  CHECK(shelf.take_all() == "robots a; gap prices 2+0; prices 3; prices 4");
}

TEST_CASE("keep_latest: the newest of each key waits, in its own place", "[consumer]") {
  Shelf shelf;
  shelf.put(WhenSlow::keep_latest, "prices", "euro 1", "euro");
  shelf.put(WhenSlow::keep_latest, "prices", "yen 1", "yen");
  shelf.put(WhenSlow::keep_latest, "prices", "euro 2", "euro");
  shelf.put(WhenSlow::keep_latest, "prices", "keyless 1");
  shelf.put(WhenSlow::keep_latest, "robots", "euro 9", "euro");  // a key is one of its group
  shelf.put(WhenSlow::keep_latest, "prices", "keyless 2");
  CHECK(shelf.take_all() == "prices yen 1; prices euro 2; gap prices 0+2; robots euro 9; prices keyless 2");
}

TEST_CASE("keep_latest: when more keys wait than fit, the oldest is dropped", "[consumer]") {
  Shelf shelf({plenty, plenty, 2});
  shelf.put(WhenSlow::keep_latest, "prices", "a", "a");
  shelf.put(WhenSlow::keep_latest, "prices", "b", "b");
  CHECK(shelf.put(WhenSlow::keep_latest, "prices", "c", "c").dropped == 1);
  CHECK(shelf.put(WhenSlow::keep_latest, "prices", "b2", "b").superseded == 1);
  CHECK(shelf.take_all() == "gap prices 1+1; prices c; prices b2");
}

TEST_CASE("a policy drops messages of its own group only", "[consumer]") {
  Shelf shelf({plenty, plenty, 2});
  shelf.put(WhenSlow::drop_newest, "robots", "a");
  shelf.put(WhenSlow::drop_newest, "robots", "b");
  CHECK(shelf.put(WhenSlow::drop_oldest, "prices", "1").dropped == 1);
  REQUIRE(shelf.keep("an answer"));
  CHECK(shelf.take_all() == "robots a; robots b; gap prices 1+0; own an answer");
}

TEST_CASE("a message that can never fit drops no other", "[consumer]") {
  Shelf shelf({plenty, 2000, 100});
  shelf.put(WhenSlow::drop_oldest, "prices", "1");
  shelf.put(WhenSlow::drop_oldest, "prices", std::string(2000, 'x'));
  shelf.put(WhenSlow::drop_oldest, "prices", "2");
  CHECK(shelf.take_all() == "prices 1; gap prices 1+0; prices 2");
}

TEST_CASE("the bound on all includes what waits elsewhere, and a message that must be kept is refused", "[consumer]") {
  Shelf shelf({10'000, 5'000, 100});
  CHECK(shelf.put(WhenSlow::drop_oldest, "prices", std::string(3'000, 'x'), {}, 4'000).dropped == 0);
  CHECK(shelf.put(WhenSlow::drop_newest, "robots", std::string(3'000, 'x'), {}, 4'000).dropped == 1);
  CHECK(shelf.keep(std::string(2'000, 'x'), {}, 4'000));
  CHECK_FALSE(shelf.keep(std::string(2'000, 'x'), {}, 4'000));
  CHECK(shelf.keep(std::string(2'000, 'x'), {}, 1'000));
}

TEST_CASE("all backlogs together have a bound, past which each is full", "[consumer]") {
  FrameBuffer frames;
  BacklogTotal total(3'000);
  const Backlog::Bounds bounds{plenty, plenty, 100};
  const Frame long_one = frames.encode(MessageKind::text, std::string(1'000, 'x'));
  const Frame short_one = frames.encode(MessageKind::text, "x");
  Backlog mine(frames, total, bounds);
  {
    Backlog yours(frames, total, bounds);
    CHECK(yours.put(long_one, "prices", WhenSlow::drop_oldest, {}, 0).dropped == 0);
    CHECK(yours.put(long_one, "prices", WhenSlow::drop_oldest, {}, 0).dropped == 0);
    CHECK(total.bytes == yours.bytes());
    CHECK_FALSE(mine.keep(long_one, {}, 0));
    CHECK(mine.put(long_one, "news", WhenSlow::drop_newest, {}, 0).dropped == 1);
    CHECK(mine.keep(short_one, {}, 0));
    CHECK(yours.put(long_one, "prices", WhenSlow::drop_oldest, {}, 0).dropped == 1);  // its own oldest gives way
    CHECK(total.bytes == yours.bytes() + mine.bytes());
  }
  CHECK(total.bytes == mine.bytes());
  CHECK(mine.keep(long_one, {}, 0));
}

TEST_CASE("a group that is left is forgotten with its gap", "[consumer]") {
  Shelf shelf({plenty, plenty, 2});
  REQUIRE(shelf.keep("news", "prices"));
  for (const char* text : {"1", "2", "3"}) shelf.put(WhenSlow::drop_oldest, "prices", text);
  REQUIRE(shelf.keep("page_discard"));
  CHECK(shelf.backlog.leave("prices") == 3);
  CHECK(shelf.backlog.leave("prices") == 0);
  shelf.put(WhenSlow::drop_oldest, "prices", "4");  // joined again
  CHECK(shelf.take_all() == "own page_discard; prices 4");
  CHECK(shelf.backlog.bytes() == 0);
}

TEST_CASE("messages that were lost on their way become a gap", "[consumer]") {
  Shelf shelf;
  shelf.put(WhenSlow::keep_latest, "prices", "1");
  shelf.backlog.miss("prices", 3);
  shelf.put(WhenSlow::keep_latest, "prices", "2", "other");
  CHECK(shelf.take_all() == "prices 1; gap prices 3+0; prices 2");
}

TEST_CASE("a backlog keeps no more memory alive than its bound", "[consumer]") {
  Shelf shelf({plenty, 100'000, 1000});
  const std::string burst(1'000, 'x');
  for (int turn = 0; turn < 5'000; ++turn) {
    for (int i = 0; i < 60; ++i) shelf.frames.encode(MessageKind::text, burst);  // what others are sent
    shelf.put(WhenSlow::drop_oldest, "prices", "tick " + std::to_string(turn));
  }
  CHECK(shelf.backlog.bytes() <= 100'000);
  CHECK(shelf.frames.allocated_bytes() < 100'000 + 3 * 64 * 1024);
  while (!shelf.backlog.empty()) shelf.take();
  CHECK(shelf.frames.allocated_bytes() < 3 * 64 * 1024);
}

namespace {

// The same, by looking at everything each time.
class Model {
 public:
  explicit Model(std::ptrdiff_t most) : most_(most) {}

  void keep(const std::string& text) { add({++last_, "own", "own " + text, {}, Kind::kept}); }
  void put(WhenSlow policy, const std::string& group, const std::string& text, const std::string& key) {
    const auto droppable = [](const Item& one) { return one.kind >= Kind::droppable; };
    const auto of_group = [&](const Item& one) { return droppable(one) && one.group == group; };
    const auto older = std::ranges::find_if(
        items_, [&](const Item& one) { return one.kind == Kind::latest && one.group == group && one.key == key; });
    if (policy == WhenSlow::keep_latest && older != items_.end()) {
      ++missing_[group].second;
      lose(older);
    }
    ++last_;
    const bool full = std::ranges::count_if(items_, droppable) >= most_;
    const auto oldest = std::ranges::find_if(items_, of_group);
    const bool newest_goes =
        policy == WhenSlow::drop_newest ? full || missing_[group].first > 0 : full && oldest == items_.end();
    if (newest_goes) {
      ++missing_[group].first;
      return put_gap(group, last_);
    }
    if (full) {
      ++missing_[group].first;
      lose(oldest);
    }
    add({last_, group, group + " " + text, key, policy == WhenSlow::keep_latest ? Kind::latest : Kind::droppable});
  }
  void leave(const std::string& group) {
    std::erase_if(items_, [&](const Item& one) { return one.group == group; });
    missing_.erase(group);
  }
  bool empty() const { return items_.empty(); }
  std::string take() {
    const Item first = items_.front();
    items_.erase(items_.begin());
    if (first.kind != Kind::gap) return first.line;
    const auto [dropped, superseded] = std::exchange(missing_[first.group], {});
    return "gap " + first.group + " " + std::to_string(dropped) + "+" + std::to_string(superseded);
  }

 private:
  enum class Kind { gap, kept, droppable, latest };
  struct Item {
    int number;
    std::string group, line, key;
    Kind kind;
  };
  void add(Item item) {
    items_.push_back(std::move(item));
    std::ranges::sort(items_, {}, &Item::number);
  }
  void lose(std::vector<Item>::iterator item) {
    const Item lost = *item;
    items_.erase(item);
    put_gap(lost.group, lost.number);
  }
  void put_gap(const std::string& group, int number) {
    const auto gap =
        std::ranges::find_if(items_, [&](const Item& one) { return one.kind == Kind::gap && one.group == group; });
    if (gap != items_.end() && gap->number > number) return;
    if (gap != items_.end()) items_.erase(gap);
    add({number, group, {}, {}, Kind::gap});
  }

  const std::ptrdiff_t most_;
  int last_ = 0;
  std::vector<Item> items_;
  std::map<std::string, std::pair<int, int>> missing_;  // dropped, superseded
};

}  // namespace

TEST_CASE("after any sequence of calls a backlog holds what a simple model holds", "[consumer]") {
  const auto seed = GENERATE(range(1U, 101U));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&](unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random); };
  const unsigned most = 1 + below(12);
  Shelf shelf({plenty, plenty, most});
  Model model(most);
  constexpr WhenSlow policies[] = {WhenSlow::drop_newest, WhenSlow::drop_oldest, WhenSlow::keep_latest};
  for (unsigned step = 0; step < 1'000; ++step) {
    const std::string text = std::to_string(step), group(1, static_cast<char>('a' + below(4)));
    const unsigned what = below(10);
    if (what == 0) {
      REQUIRE(shelf.keep(text));
      model.keep(text);
    } else if (what == 1 && below(5) == 0) {
      shelf.backlog.leave(group);
      model.leave(group);
    } else if (what <= 4) {
      REQUIRE(shelf.backlog.empty() == model.empty());
      if (!model.empty()) REQUIRE(shelf.take() == model.take());
    } else {
      const WhenSlow policy = policies[below(3)];
      const std::string key(1, static_cast<char>('k' + below(3)));
      shelf.put(policy, group, text, key);
      model.put(policy, group, text, key);
    }
  }
  while (!model.empty()) REQUIRE(shelf.take() == model.take());
  CHECK(shelf.backlog.empty());
  CHECK(shelf.backlog.bytes() == 0);
  CHECK(shelf.total.bytes == 0);
  CHECK(shelf.frames.allocated_bytes() <= 2 * 64 * 1024);
}
