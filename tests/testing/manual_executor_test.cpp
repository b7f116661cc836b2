// SPDX-License-Identifier: MIT
#include "sluice/testing/manual_executor.hpp"

#include <stdexcept>

#include "sluice/core/completion.hpp"
#include "sluice/core/worker_pool.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::testing;
using namespace std::chrono_literals;

namespace {

// Appends a letter when it runs, and when it is destroyed without having run.
auto note(std::string& seen, char letter) {
  return [&seen, letter] { seen += letter; };
}

}  // namespace

TEST_CASE("jobs run later, in the order they were posted", "[testing]") {
  ManualExecutor executor;
  std::string seen;
  executor.post([&] {
    executor.post(note(seen, 'c'));
    seen += 'a';
  });
  executor.post(note(seen, 'b'));
  CHECK(seen == "");
  CHECK(executor.pending() == 2);
  CHECK(executor.run_all() == 3);
  CHECK(seen == "abc");
  CHECK(executor.idle());
}

TEST_CASE("run_one runs one job", "[testing]") {
  ManualExecutor executor;
  std::string seen;
  executor.post(note(seen, 'a'));
  executor.post(note(seen, 'b'));
  CHECK(executor.run_one());
  CHECK(seen == "a");
  CHECK(executor.run_one());
  CHECK_FALSE(executor.run_one());
}

TEST_CASE("timers wait for the clock and run each at its time", "[testing]") {
  ManualExecutor executor;
  const auto start = executor.now();
  std::string seen;
  std::vector<std::chrono::nanoseconds> when;
  const auto at = [&](char letter) {
    return [&, letter] {
      seen += letter;
      when.push_back(executor.now() - start);
    };
  };
  executor.post_after(20ms, at('b'));
  executor.post_after(10ms, [&, first = at('a')]() mutable {
    first();
    executor.post(at('+'));
    executor.post_after(5ms, at('n'));
  });
  executor.post_after(20ms, at('c'));
  executor.post_after(31ms, at('z'));
  CHECK(executor.run_all() == 0);
  CHECK(executor.timers() == 4);
  CHECK(executor.advance(30ms) == 5);
  CHECK(seen == "a+nbc");
  CHECK(when == std::vector<std::chrono::nanoseconds>{10ms, 10ms, 15ms, 20ms, 20ms});
  CHECK(executor.now() - start == 30ms);
  executor.advance(1ms);
  CHECK(seen == "a+nbcz");
}

TEST_CASE("a job knows its executor, and only while it runs", "[testing]") {
  ManualExecutors executors(2);
  Executor* seen = nullptr;
  executors.at(1).post([&] { seen = Executor::current(); });
  executors.run_all();
  CHECK(seen == &executors.at(1));
  CHECK(Executor::current() == nullptr);
}

TEST_CASE("jobs that post each other for ever are reported", "[testing]") {
  ManualExecutor executor;
  std::function<void()> again = [&] { executor.post(again); };
  executor.post(again);
  CHECK_THROWS_WITH(executor.run_all(1000), "run_all: still busy after 1001 jobs; do jobs post each other for ever?");
}

TEST_CASE("an exception from a job reaches the test, and the next job still runs", "[testing]") {
  ManualExecutor executor;
  std::string seen;
  executor.post([] { throw std::runtime_error("oops"); });
  executor.post(note(seen, 'a'));
  CHECK_THROWS_WITH(executor.run_all(), "oops");
  CHECK(Executor::current() == nullptr);
  executor.run_all();
  CHECK(seen == "a");
}

TEST_CASE("driving from inside a job is refused", "[testing]") {
  ManualExecutor executor;
  executor.post([&] { executor.run_all(); });
  CHECK_THROWS_WITH(executor.run_all(), "ManualDriver::run_all: called from inside a job");
}

TEST_CASE("run_until waits for the jobs of other threads", "[testing]") {
  ManualExecutor executor;
  bool done = false;
  std::thread other([&] { executor.post([&] { done = true; }); });
  CHECK(executor.run_until([&] { return done; }));
  other.join();
}

TEST_CASE("run_until gives up when nothing comes", "[testing]") {
  ManualExecutor executor;
  CHECK_FALSE(executor.run_until([] { return false; }, 0ms));
}

TEST_CASE("run calls at once, as a job would", "[testing]") {
  ManualExecutor executor;
  CHECK(executor.run([&] { return executor.runs_here(); }));
  CHECK_FALSE(executor.runs_here());
}

namespace {
Task<int> sum_of(WorkerPool& pool, int a, int b) {
  auto first = pool.run([a] { return a; });
  const int sum = co_await first + b;
  if (!Executor::current()) throw std::logic_error("not at home");
  co_return sum;
}
Task<> fails() {
  throw std::runtime_error("no");
  co_return;
}
}  // namespace

TEST_CASE("run takes a task to its end and gives its value or its exception", "[testing]") {
  ManualExecutor executor;
  WorkerPool pool(1);
  CHECK(executor.run([&] { return sum_of(pool, 2, 3); }) == 5);
  CHECK(executor.run([] { return Task<int>(7); }) == 7);
  CHECK_THROWS_WITH(executor.run([] { return fails(); }), "no");
}

TEST_CASE("several executors share one clock and one order", "[testing]") {
  ManualExecutors executors(3);
  std::string seen;
  executors.at(2).post(note(seen, 'a'));
  executors.at(0).post(note(seen, 'b'));
  executors.at(1).post_after(5ms, note(seen, 'd'));
  executors.at(2).post_after(4ms, note(seen, 'c'));
  CHECK(executors.advance(5ms) == 4);
  CHECK(seen == "abcd");
  CHECK(executors.at(0).now() == executors.at(2).now());
  CHECK_THROWS_AS(ManualExecutors(0), std::invalid_argument);
  CHECK_THROWS_AS(ManualExecutors(65), std::invalid_argument);
}

TEST_CASE("shuffled executors keep their own order but not a common one", "[testing]") {
  const auto run = [](unsigned seed) {
    ManualExecutors executors(2);
    executors.shuffle(seed);
    std::string seen;
    for (char letter = 'a'; letter < 'k'; ++letter) {
      executors.at(0).post(note(seen, letter));
      executors.at(1).post(note(seen, static_cast<char>(letter - 'a' + 'A')));
    }
    executors.run_all();
    return seen;
  };
  std::string lower, upper;
  for (const char letter : run(1)) (letter >= 'a' ? lower : upper) += letter;
  CHECK(lower == "abcdefghij");
  CHECK(upper == "ABCDEFGHIJ");
  CHECK(run(1) == run(1));
  CHECK(run(1) != run(2));
}

namespace {
struct Farewell {
  Executor* home;
  std::vector<bool>* seen;
  ~Farewell() {
    if (seen) seen->push_back(home->runs_here());
  }
  Farewell(Executor& home, std::vector<bool>& seen) : home(&home), seen(&seen) {}
  Farewell(Farewell&& other) noexcept : home(other.home), seen(std::exchange(other.seen, nullptr)) {}
};
struct PostsWhenItDies {
  explicit PostsWhenItDies(Executor& executor) : executor(executor) {}
  ~PostsWhenItDies() {
    executor.post([] {});
  }
  Executor& executor;
};
}  // namespace

TEST_CASE("jobs that never ran are destroyed on their executor, whatever they post meanwhile", "[testing]") {
  std::vector<bool> seen;
  {
    ManualExecutors executors(2);
    executors.at(0).local<PostsWhenItDies>();
    executors.at(0).post([farewell = Farewell(executors.at(0), seen)] {});
    executors.at(1).post_after(1h, [farewell = Farewell(executors.at(1), seen)] {});
    executors.at(1).post([last = std::make_unique<PostsWhenItDies>(executors.at(0))] {});
  }
  CHECK(seen == std::vector<bool>{true, true});
}

namespace {
Task<int> waits_with(Farewell, Completion<int> value) { co_return co_await value; }
}  // namespace

TEST_CASE("a task that was run ends on its executor, with what it owned", "[testing]") {
  ManualExecutor executor;
  std::vector<bool> seen;
  Completion<int> value;
  executor.post([&] { value.resolve(7); });
  CHECK(executor.run([&] { return waits_with(Farewell(executor, seen), value); }) == 7);
  CHECK(seen == std::vector<bool>{true});
}

TEST_CASE("a task that never ends is given up, with a hint", "[testing]") {
  ManualExecutor executor;
  executor.post_after(1h, [] {});
  Completion<int> value;
  executor.set_patience(0ms);
  std::vector<bool> seen;
  CHECK_THROWS_WITH(executor.run([&] { return waits_with(Farewell(executor, seen), value); }),
                    Catch::Matchers::ContainsSubstring("1 timer(s) wait for advance()"));
}
