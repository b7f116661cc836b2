// SPDX-License-Identifier: MIT
#include "sluice/core/task.hpp"

#include <stdexcept>

#include "sluice/core/completion.hpp"
#include "support/catch.hpp"

using namespace sluice;

namespace {

// Starts a task and counts the calls of its waiter.
template <class T>
struct Run {
  explicit Run(Task<T> task) : task(std::move(task)) { finished = this->task.start({wake, this}); }
  Run(const Run&) = delete;
  static void wake(void* who) noexcept { ++static_cast<Run*>(who)->wakes; }

  Task<T> task;
  bool finished = false;
  int wakes = 0;
};

Task<int> born_finished(int value) { return value; }
Task<> nothing_to_do() { return {}; }
Task<int> coroutine(int value) { co_return value; }
Task<int> waits(Completion<int> value) { co_return co_await value; }
Task<int> sum(Completion<int> a, Completion<int> b) {
  const int first = co_await waits(a);
  const int second = co_await waits(b);
  co_return first + second + co_await born_finished(100);
}

}  // namespace

TEST_CASE("a task may be finished from the start", "[core]") {
  Run<int> value(born_finished(7));
  CHECK(value.finished);
  CHECK(value.task.take() == 7);
  Run<void> nothing(nothing_to_do());
  CHECK(nothing.finished);
  nothing.task.take();
  CHECK(value.wakes + nothing.wakes == 0);
}

TEST_CASE("a coroutine that never waits has finished when start() returns, and resumes no waiter", "[core]") {
  Run<int> run(coroutine(7));
  CHECK(run.finished);
  CHECK(run.wakes == 0);
  CHECK(run.task.take() == 7);
}

namespace {
Task<> set(bool& ran) {
  ran = true;
  co_return;
}
}  // namespace

TEST_CASE("a coroutine is lazy", "[core]") {
  bool ran = false;
  auto task = set(ran);
  CHECK_FALSE(ran);
  Run<void> run(std::move(task));
  CHECK(ran);
}

TEST_CASE("a coroutine that waits wakes its waiter once, when it has finished", "[core]") {
  Completion<int> a, b;
  Run<int> run(sum(a, b));
  CHECK_FALSE(run.finished);
  a.resolve(1);
  CHECK(run.wakes == 0);
  b.resolve(20);
  CHECK(run.wakes == 1);
  CHECK(run.task.take() == 121);
}

namespace {
Task<> throws_before_waiting() {
  throw std::runtime_error("at once");
  co_return;
}
Task<int> throws_after_waiting(Completion<int> value) {
  co_await value;
  throw std::runtime_error("later");
}
Task<std::string> catches(Completion<int> value) {
  std::string caught;
  try {
    co_await throws_before_waiting();
  } catch (const std::runtime_error& error) {
    caught += error.what();
  }
  try {
    co_await throws_after_waiting(value);
  } catch (const std::runtime_error& error) {
    caught += std::string(" and ") + error.what();
  }
  co_return caught;
}
}  // namespace

TEST_CASE("an exception comes out of the co_await, or of take()", "[core]") {
  Run<void> run(throws_before_waiting());
  CHECK(run.finished);
  CHECK_THROWS_WITH(run.task.take(), "at once");

  Completion<int> value;
  Run<std::string> caught(catches(value));
  CHECK_FALSE(caught.finished);
  value.resolve(1);
  CHECK(caught.task.take() == "at once and later");
}

namespace {

// A million of each kind of await that finishes at once; on one stack it would overflow.
Task<long> many_awaits(int rounds) {
  long total = 0;
  for (int i = 0; i < rounds; ++i) {
    total += co_await coroutine(1);
    total += co_await born_finished(1);
    co_await nothing_to_do();
  }
  co_return total;
}

// Awaits that suspend, resumed from outside: the resuming stack must not grow either.
Task<long> many_waits(std::vector<Completion<int>>& values) {
  long total = 0;
  for (auto& value : values) total += co_await waits(value);
  co_return total;
}

}  // namespace

TEST_CASE("a million awaits that finish at once do not grow the stack", "[core]") {
  Run<long> run(many_awaits(1'000'000));
  CHECK(run.finished);
  CHECK(run.task.take() == 2'000'000);
}

TEST_CASE("a hundred thousand awaits that suspend do not grow the stack", "[core]") {
  std::vector<Completion<int>> values(100'000);
  Run<long> run(many_waits(values));
  for (auto& value : values) value.resolve(1);
  CHECK(run.wakes == 1);
  CHECK(run.task.take() == 100'000);

  std::vector<Completion<int>> resolved(100'000);
  for (auto& value : resolved) value.resolve(2);
  Run<long> at_once(many_waits(resolved));
  CHECK(at_once.finished);
  CHECK(at_once.task.take() == 200'000);
}

namespace {

class Life {
 public:
  explicit Life(int& alive) : alive_(alive) { ++alive_; }
  Life(const Life&) = delete;
  ~Life() { --alive_; }

 private:
  int& alive_;
};

Task<> holds(int& alive, Completion<int> value) {
  const Life life(alive);
  co_await value;
}
Task<> holds_twice(int& alive, Completion<int> value) {
  const Life life(alive);
  co_await holds(alive, value);
}

}  // namespace

TEST_CASE("destroying a suspended task ends it there, with what it awaits", "[core]") {
  int alive = 0;
  Completion<int> value;
  {
    Run<void> run(holds_twice(alive, value));
    CHECK(alive == 2);
  }
  CHECK(alive == 0);
  value.resolve(1);  // resumes nobody
}

TEST_CASE("a task that was never started runs nothing and leaks nothing", "[core]") {
  int alive = 0;
  { auto task = holds(alive, Completion<int>()); }
  CHECK(alive == 0);
}

TEST_CASE("a moved task is the same task", "[core]") {
  int alive = 0;
  Completion<int> value;
  Task<> first = holds(alive, value);
  Task<> second = std::move(first);
  first = nothing_to_do();
  Run<void> run(std::move(second));
  CHECK(alive == 1);
  value.resolve(1);
  CHECK(run.wakes == 1);
  run.task = nothing_to_do();
  CHECK(alive == 0);
}

namespace {
Task<std::unique_ptr<int>> makes() { co_return std::make_unique<int>(7); }
Task<std::unique_ptr<int>> passes_on() { co_return co_await makes(); }
}  // namespace

TEST_CASE("a task carries move-only values", "[core]") {
  Run<std::unique_ptr<int>> run(passes_on());
  CHECK(*run.task.take() == 7);
  CHECK(*Task<std::unique_ptr<int>>(std::make_unique<int>(8)).take() == 8);
}

TEST_CASE("a task may finish on another thread while its starter looks", "[core]") {
  for (int round = 0; round < 2'000; ++round) {
    Completion<int> value;
    std::atomic<bool> woken = false;
    Task<int> task = waits(value);
    std::thread other([value] { value.resolve(1); });
    const bool finished =
        task.start({[](void* flag) noexcept { static_cast<std::atomic<bool>*>(flag)->store(true); }, &woken});
    other.join();
    REQUIRE(finished != woken.load());
    REQUIRE(task.take() == 1);
  }
}
