// SPDX-License-Identifier: MIT
// Awaiting foreign awaitables: a handler continues on its own executor, or not at all.
#include <coroutine>
#include <string>
#include <thread>

#include "sluice/core/block_on.hpp"
#include "sluice/core/task.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"

using namespace sluice;

namespace {

/// Keeps the handle of the coroutine that awaits it, as a user's own awaitable does.
struct Bell {
  std::coroutine_handle<> waiting;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> who) noexcept { waiting = who; }
  int await_resume() const noexcept { return 7; }

  void ring_on_another_thread() {
    std::thread([this] { waiting.resume(); }).join();
  }
};

// By reference, so that the awaitable outlives the coroutine.
Task<> wait_for(Bell& bell, std::string& story) {
  struct Leaving {
    std::string& story;
    ~Leaving() { story += "left;"; }
  } leaving{story};
  const int rung = co_await bell;
  story += std::to_string(rung) + (Executor::current() ? " at home;" : " abroad;");
}

struct Started {
  explicit Started(Task<> work) : task(std::move(work)) {}
  bool begin() {
    return task.start({[](void*) noexcept {}, nullptr});
  }
  Task<> task;
};

/// Its `answer` decides: it does not suspend, or it continues another coroutine.
template <class Answer>
struct Answering {
  Answer answer;
  bool await_ready() const noexcept { return false; }
  Answer await_suspend(std::coroutine_handle<> who) noexcept {
    if constexpr (std::is_same_v<Answer, bool>) {
      return answer;
    } else {
      return who;
    }
  }
  void await_resume() const noexcept {}
};

template <class Answer>
Task<> pass(Answering<Answer>& answering, std::string& story) {
  co_await answering;
  story += "passed;";
}

}  // namespace

TEST_CASE("a coroutine that another thread resumes continues on the executor where it waited", "[core]") {
  testing::ManualExecutor executor;
  Bell bell;
  std::string story;
  Started started(wait_for(bell, story));
  executor.run([&] { CHECK_FALSE(started.begin()); });
  bell.ring_on_another_thread();
  CHECK(story == "");
  executor.run_all();
  CHECK(story == "7 at home;left;");
}

TEST_CASE("a coroutine that is resumed on its own executor continues within the call", "[core]") {
  testing::ManualExecutor executor;
  Bell bell;
  std::string story;
  Started started(wait_for(bell, story));
  executor.run([&] { CHECK_FALSE(started.begin()); });
  executor.run([&] {
    bell.waiting.resume();
    CHECK(story == "7 at home;left;");
  });
}

TEST_CASE("a coroutine without an executor continues on the thread that resumes it", "[core]") {
  Bell bell;
  std::string story;
  Started started(wait_for(bell, story));
  CHECK_FALSE(started.begin());
  bell.ring_on_another_thread();
  CHECK(story == "7 abroad;left;");
}

TEST_CASE("resuming a destroyed coroutine does nothing", "[core]") {
  Bell bell;
  std::string story;
  SECTION("before it is resumed") {
    testing::ManualExecutor executor;
    {
      Started started(wait_for(bell, story));
      executor.run([&] { CHECK_FALSE(started.begin()); });
    }
    bell.ring_on_another_thread();
    executor.run_all();
  }
  SECTION("on its way home") {
    testing::ManualExecutor executor;
    {
      Started started(wait_for(bell, story));
      executor.run([&] { CHECK_FALSE(started.begin()); });
      bell.ring_on_another_thread();
    }
    executor.run_all();
  }
  SECTION("when its executor has ended as well") {
    {
      testing::ManualExecutor executor;
      Started started(wait_for(bell, story));
      executor.run([&] { CHECK_FALSE(started.begin()); });
    }
    bell.ring_on_another_thread();
  }
  CHECK(story == "left;");
}

TEST_CASE("an awaitable may decide not to suspend, or name the coroutine that goes on", "[core]") {
  std::string story;
  Answering<bool> stays{false};
  Answering<std::coroutine_handle<>> names{};
  block_on(pass(stays, story));
  block_on(pass(names, story));
  CHECK(story == "passed;passed;");
}
