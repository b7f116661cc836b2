// SPDX-License-Identifier: MIT
#include "sluice/core/completion.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sluice/core/task.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"

using namespace sluice;
using sluice::testing::ManualExecutor;
using sluice::testing::ManualExecutors;

namespace {

Task<> append(Completion<std::string> value, std::string& seen) { seen += co_await value; }

Task<> note_home(Completion<int> value, Executor*& home) {
  co_await value;
  home = Executor::current();
}

// A task that is started on an executor and left alone.
struct Started {
  Started(Executor& executor, Task<> task) : task(std::move(task)) {
    executor.post([this] {
      finished = this->task.start({[](void* who) noexcept { *static_cast<bool*>(who) = true; }, &finished}) || finished;
    });
  }
  Started(const Started&) = delete;
  Task<> task;
  bool finished = false;
};

}  // namespace

TEST_CASE("a completion that is resolved already does not suspend", "[core]") {
  std::string seen;
  Completion<std::string> value;
  value.resolve("a");
  auto task = append(value, seen);
  CHECK(task.start({}));
  CHECK(seen == "a");
}

TEST_CASE("the first outcome counts", "[core]") {
  std::string seen;
  Completion<std::string> value;
  value.resolve("a");
  value.resolve("b");
  value.fail(std::make_exception_ptr(std::runtime_error("c")));
  append(value, seen).start({});
  CHECK(seen == "a");

  Completion<std::string> failed;
  failed.fail(std::make_exception_ptr(std::runtime_error("first")));
  failed.resolve("second");
  auto task = append(failed, seen);
  CHECK(task.start({}));
  CHECK_THROWS_WITH(task.take(), "first");
}

TEST_CASE("an awaiter resumes on its own executor, whichever thread resolves", "[core]") {
  ManualExecutors executors(2);
  Completion<int> value;
  Executor* home = nullptr;
  Started waiting(executors.at(0), note_home(value, home));
  executors.run_all();
  executors.at(1).post([value] { value.resolve(1); });
  executors.run_all();
  CHECK(waiting.finished);
  CHECK(home == &executors.at(0));
}

TEST_CASE("resolve() does not resume the awaiter inside its own call", "[core]") {
  ManualExecutor executor;
  std::string seen;
  Completion<std::string> value;
  Started waiting(executor, append(value, seen));
  executor.run_all();
  executor.run([&] {
    value.resolve("a");
    CHECK(seen == "");
  });
  executor.run_all();
  CHECK(seen == "a");
}

TEST_CASE("an awaiter that is destroyed is not resumed", "[core]") {
  ManualExecutor executor;
  std::string seen;
  Completion<std::string> value;
  {
    Started waiting(executor, append(value, seen));
    executor.run_all();
  }
  value.resolve("a");
  executor.run_all();
  CHECK(seen == "");
}

TEST_CASE("an awaiter that is destroyed between resolve and its turn is not resumed", "[core]") {
  ManualExecutor executor;
  std::string seen;
  Completion<std::string> value;
  {
    Started waiting(executor, append(value, seen));
    executor.run_all();
    value.resolve("a");
    CHECK(executor.pending() == 1);
  }
  executor.run_all();
  CHECK(seen == "");
}

namespace {
// An executor that takes its time over a post, and runs nothing.
class Sluggish final : public Executor {
 public:
  bool start(Task<>& task) {
    const Running running(*this);
    return task.start({});
  }
  void post(Function<void()> job) override {
    posting = true;
    for (int i = 0; i < 1000; ++i) std::this_thread::yield();
    jobs_.push_back(std::move(job));
  }
  void post_after(std::chrono::nanoseconds, Function<void()> job) override { post(std::move(job)); }
  Clock::time_point now() const override { return {}; }

  std::atomic<bool> posting = false;

 private:
  std::vector<Function<void()>> jobs_;
};
}  // namespace

TEST_CASE("an executor may end once no awaiter is left on it, whichever thread resolves", "[core]") {
  Completion<std::string> value;
  std::string seen;
  auto executor = std::make_unique<Sluggish>();
  std::optional<Task<>> waiting(append(value, seen));
  REQUIRE_FALSE(executor->start(*waiting));
  std::thread late([value] { value.resolve("late"); });
  CHECK(test::eventually([&] { return executor->posting.load(); }));
  waiting.reset();
  executor.reset();
  late.join();
  CHECK(seen == "");
}

TEST_CASE("an awaiter without an executor resumes on the resolving thread", "[core]") {
  std::string seen;
  Completion<std::string> value;
  auto task = append(value, seen);
  CHECK_FALSE(task.start({[](void*) noexcept {}, nullptr}));
  value.resolve("a");
  CHECK(seen == "a");
}

TEST_CASE("of many threads that resolve one wins, and the awaiter resumes once", "[core]") {
  for (int round = 0; round < 300; ++round) {
    ManualExecutor executor;
    std::string seen;
    Completion<std::string> value;
    Started waiting(executor, append(value, seen));
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back([value] { value.resolve("x"); });
    REQUIRE(executor.run_until([&] { return waiting.finished; }));
    for (std::thread& thread : threads) thread.join();
    executor.run_all();
    REQUIRE(seen == "x");
  }
}

namespace {

// Copies once, and then its move constructor throws.
struct Stubborn {
  explicit Stubborn(int moves) : moves_left(moves) {}
  Stubborn(Stubborn&& other) : moves_left(other.moves_left - 1) {
    if (moves_left < 0) throw std::runtime_error("it does not move");
  }
  Stubborn& operator=(Stubborn&&) = default;
  int moves_left;
};

template <class T>
Task<> note_outcome(Completion<T> value, std::string& seen) {
  try {
    (void)co_await value;
    seen += "value";
  } catch (const std::exception& error) {
    seen += error.what();
  }
}

// As the documentation shows it: the awaiting code has a copy, and a callback has the other.
Task<> load(std::function<void()>& callback, std::string& seen) {
  Completion<int> row;
  callback = [row] { row.resolve(1); };
  try {
    co_await row;
    seen += "row";
  } catch (const BrokenPromise&) {
    seen += "broken";
  }
}

const char* const broken = "broken promise: the last copy of a Completion was dropped without a value";

}  // namespace

TEST_CASE("a value whose move throws leaves its waiter to the next outcome", "[core]") {
  for (int moves = 0; moves < 4; ++moves) {
    CAPTURE(moves);
    ManualExecutor executor;
    std::string seen;
    Completion<Stubborn> value;
    Started waiting(executor, note_outcome(value, seen));
    executor.run_all();
    try {
      value.resolve(Stubborn(moves));
    } catch (const std::exception& error) {
      value.fail(std::make_exception_ptr(error));
    }
    executor.run_all();
    CHECK(waiting.finished);
    CHECK_FALSE(seen.empty());
  }
}

TEST_CASE("an executor that takes no job leaves the waiter to the next outcome", "[core]") {
  ManualExecutor executor;
  std::string seen;
  Completion<int> value;
  Started waiting(executor, note_outcome(value, seen));
  executor.run_all();
  executor.fail_post(1);
  CHECK_THROWS_AS(value.resolve(1), std::bad_alloc);
  executor.run_all();
  CHECK(seen == "");
  value.fail(std::make_exception_ptr(std::runtime_error("no memory")));
  executor.run_all();
  CHECK(seen == "no memory");
}

TEST_CASE("a completion that can no longer be resolved throws a broken promise", "[core]") {
  ManualExecutor executor;
  std::string seen;
  SECTION("its callback is dropped while it is awaited") {
    std::function<void()> callback;
    Started waiting(executor, load(callback, seen));
    executor.run_all();
    CHECK(seen == "");
    callback = nullptr;
    executor.run_all();
    CHECK(seen == "broken");
    CHECK(waiting.finished);
  }
  SECTION("its callback was dropped before it is awaited") {
    auto value = std::make_unique<Completion<int>>();
    auto task = note_outcome(*value, seen);
    value.reset();
    Started waiting(executor, std::move(task));
    executor.run_all();
    CHECK(seen == broken);
  }
  SECTION("by a thread that has no executor, for one that waits without") {
    auto value = std::make_unique<Completion<int>>();
    auto task = note_outcome(*value, seen);
    CHECK_FALSE(task.start({[](void*) noexcept {}, nullptr}));
    value.reset();
    CHECK(seen == broken);
  }
  SECTION("copies that come and go do no harm while one is left") {
    std::function<void()> callback, other;
    Started waiting(executor, load(callback, seen));
    executor.run_all();
    other = callback;
    callback = nullptr;
    callback = other;
    other = nullptr;
    callback();
    executor.run_all();
    CHECK(seen == "row");
  }
}

namespace {
Task<> await_directly(const Completion<int>& value, std::string& seen) {
  co_await value;
  seen += "value";
}
}  // namespace

TEST_CASE("a completion that was never copied is resolved through itself", "[core]") {
  ManualExecutor executor;
  std::string seen;
  const Completion<int> value;
  Started waiting(executor, await_directly(value, seen));
  executor.run_all();
  value.resolve(1);
  executor.run_all();
  CHECK(seen == "value");
}
