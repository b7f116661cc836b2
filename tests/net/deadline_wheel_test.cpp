// SPDX-License-Identifier: MIT
#include "net/loop/deadline_wheel.hpp"

#include <memory>
#include <random>
#include <string>

#include "support/catch.hpp"

using namespace sluice::net;
using namespace std::chrono_literals;

namespace {

struct Named : Deadline {
  explicit Named(char name) : name(name) {}
  ~Named() { unlink(); }
  char name;
};

constexpr Deadline::Time start{};

std::string due(DeadlineWheel& wheel, Deadline::Time now) {
  wheel.turn(now);
  std::string all;
  while (Deadline* item = wheel.take_due()) all += static_cast<Named*>(item)->name;
  return all;
}

std::string everyone(DeadlineWheel& wheel) {
  std::string all;
  wheel.each_list([&](DeadlineList& list) {
    for (Deadline* item = list.front(); item; item = list.after(*item)) all += static_cast<Named*>(item)->name;
  });
  std::ranges::sort(all);
  return all;
}

}  // namespace

TEST_CASE("a deadline wheel returns what is due at most one slot late, in whatever order it was added", "[net]") {
  DeadlineWheel wheel(10ms, start);
  Named a('a'), b('b'), c('c'), d('d');
  CHECK(wheel.next_due() == Deadline::never);
  wheel.add(a, start + 95ms);
  wheel.add(b, start + 20ms);
  wheel.add(c, start + 21ms);
  wheel.add(d, Deadline::never);
  CHECK(wheel.next_due() == start + 20ms);
  CHECK(due(wheel, start + 19ms) == "");
  CHECK(due(wheel, start + 20ms) == "b");
  CHECK(wheel.next_due() == start + 30ms);
  CHECK(due(wheel, start + 99ms) == "c");
  CHECK(due(wheel, start + 100ms) == "a");
  CHECK(wheel.next_due() == Deadline::never);
  CHECK(everyone(wheel) == "d");
}

TEST_CASE("a connection that removes itself from a wheel is not due any more", "[net]") {
  DeadlineWheel wheel(10ms, start);
  Named a('a'), b('b'), c('c');
  for (Named* item : {&a, &b, &c}) wheel.add(*item, start + 50ms);
  b.unlink();
  wheel.add(c, start + 80ms);
  CHECK(everyone(wheel) == "ac");
  CHECK(due(wheel, start + 60ms) == "a");
  CHECK(due(wheel, start + 90ms) == "c");
}

TEST_CASE("a due connection that was not taken yet is visited with the rest, and is due at once", "[net]") {
  DeadlineWheel wheel(10ms, start);
  Named a('a'), b('b');
  wheel.add(a, start + 10ms);
  wheel.add(b, start + 10ms);
  wheel.turn(start + 10ms);
  CHECK(static_cast<Named*>(wheel.take_due())->name == 'a');
  CHECK(everyone(wheel) == "b");
  CHECK(wheel.next_due() <= start + 10ms);
  wheel.add(a, start + 5ms);  // in the past: not in this round, or a round would never end
  CHECK(due(wheel, start + 10ms) == "b");
  CHECK(due(wheel, start + 20ms) == "a");
}

TEST_CASE("a deadline beyond the wheel is returned early, to be added again", "[net]") {
  DeadlineWheel wheel(10ms, start);
  Named far('f');
  wheel.add(far, start + 10s);
  CHECK(wheel.next_due() == start + 2560ms);
  CHECK(due(wheel, start + 2560ms) == "f");
  wheel.add(far, start + 10s);
  CHECK(wheel.next_due() == start + 5120ms);
  CHECK(due(wheel, start + 1h) == "f");  // and a long sleep skips nobody
  wheel.add(far, start + 1h + 20ms);
  CHECK(wheel.next_due() == start + 1h + 20ms);
}

TEST_CASE("a wheel agrees with a plain list of due times", "[net]") {
  std::minstd_rand random(7);
  const auto up_to = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most)); };
  DeadlineWheel wheel(10ms, start);
  std::vector<std::unique_ptr<Named>> items;
  std::vector<Deadline::Time> when(200, Deadline::never);
  for (int i = 0; i < 200; ++i) items.push_back(std::make_unique<Named>('x'));
  auto now = start;
  for (int round = 0; round < 2'000; ++round) {
    const auto index = static_cast<std::size_t>(up_to(200));
    when[index] = now + std::chrono::milliseconds(up_to(2'500));
    wheel.add(*items[index], when[index]);
    now += std::chrono::milliseconds(up_to(40));
    wheel.turn(now);
    while (Deadline* item = wheel.take_due()) {
      const auto found = std::ranges::find_if(items, [&](const auto& one) { return one.get() == item; });
      auto& expected = when[static_cast<std::size_t>(found - items.begin())];
      REQUIRE(expected <= now);
      expected = Deadline::never;
    }
    for (const auto due : when) REQUIRE((due == Deadline::never || due + 10ms > now));
  }
}
