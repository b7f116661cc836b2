// SPDX-License-Identifier: MIT
#include "net/loop/timer_queue.hpp"

#include <string>

#include "support/catch.hpp"

using namespace sluice;
using net::TimerQueue;
using namespace std::chrono_literals;

TEST_CASE("jobs come when they are due, those of one time in their order", "[net]") {
  TimerQueue timers;
  std::string ran;
  const TimerQueue::Time start{};
  for (const char* job : {"c3", "a1", "b2", "d3", "e1"}) {
    timers.add(start + std::chrono::seconds(job[1] - '0'), [&ran, job] { ran += job; });
  }
  const auto run_until = [&](TimerQueue::Time now) {
    while (auto job = timers.take_due(now)) job();
  };
  CHECK(timers.next() == start + 1s);
  run_until(start + 999ms);
  CHECK(ran == "");
  run_until(start + 2s);
  CHECK(ran == "a1e1b2");
  CHECK(timers.next() == start + 3s);
  run_until(TimerQueue::Time::max());
  CHECK(ran == "a1e1b2c3d3");
  CHECK_FALSE(timers.next());
}
