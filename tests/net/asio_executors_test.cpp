// SPDX-License-Identifier: MIT
#include "sluice/net/asio_executors.hpp"

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <asio/post.hpp>

#include "net/loop/asio_executor.hpp"
#include "net/support/names.hpp"
#include "net/support/served.hpp"
#include "sluice/net/asio_dialer.hpp"
#include "support/catch.hpp"
#include "support/eventually.hpp"

using namespace sluice;
using namespace std::chrono_literals;
using test::run_on;

namespace {

// Writes its name when it dies.
struct Told {
  Told(std::string& story, std::string name) : story(&story), name(std::move(name)) {}
  Told(Told&& other) noexcept : story(std::exchange(other.story, nullptr)), name(std::move(other.name)) {}
  ~Told() {
    if (story) *story += name;
  }
  std::string* story;
  std::string name;
};

struct Local {
  ~Local() {
    if (story) *story += "local ";
  }
  std::string* story = nullptr;
};

}  // namespace

TEST_CASE("an executor runs jobs in order, never inside post(), as the current executor", "[net]") {
  AsioExecutors executors(1);
  Executor& executor = executors.at(0);
  std::string story;
  CHECK_FALSE(executor.runs_here());
  run_on(executor, [&] {
    executor.post([&] {
      story += executor.runs_here() ? "b" : "?";
      executor.post([&] { story += "d"; });
    });
    executor.post([&] { story += "c"; });
    story += "a";
  });
  run_on(executor, [] {});
  run_on(executor, [] {});
  CHECK(story == "abcd");
}

TEST_CASE("each executor is one thread", "[net]") {
  AsioExecutors executors(3);
  CHECK(executors.size() == 3);
  CHECK(executors.running());
  std::thread::id ids[3];
  for (std::size_t i = 0; i < 3; ++i) {
    run_on(executors.at(i), [&] {
      CHECK(Executor::current() == &executors.at(i));
      ids[i] = std::this_thread::get_id();
    });
  }
  CHECK(ids[0] != ids[1]);
  CHECK(ids[1] != ids[2]);
  CHECK_THROWS_AS(AsioExecutors(0), std::invalid_argument);
  CHECK_THROWS_AS(AsioExecutors(65), std::invalid_argument);
}

TEST_CASE("jobs posted by two threads keep each thread's order", "[net]") {
  AsioExecutors executors(2);
  Executor& target = executors.at(0);
  constexpr int count = 5'000;
  std::atomic<int> ran{0};
  int next[2] = {0, 0};
  const auto post_all = [&](int which) {
    for (int i = 0; i < count; ++i) {
      target.post([&, which, i] {
        CHECK(next[which]++ == i);
        ++ran;
      });
    }
  };
  std::thread other([&] { post_all(0); });
  run_on(executors.at(1), [&] { post_all(1); });
  other.join();
  CHECK(test::eventually([&] { return ran == 2 * count; }));
  CHECK(next[0] == count);
}

TEST_CASE("post_after waits, and the earlier overtakes the later", "[net]") {
  AsioExecutors executors(1);
  Executor& executor = executors.at(0);
  const auto story = std::make_shared<test::Transcript>();
  const auto begun = executor.now();
  executor.post_after(500ms, [story] { story->add("later"); });
  executor.post_after(0ms, [story] { story->add("now"); });
  run_on(executor, [&] { executor.post_after(20ms, [story] { story->add("earlier"); }); });
  CHECK(story->has("later"));
  CHECK(executor.now() - begun >= 500ms);
  CHECK(story->lines() == std::vector<std::string>{"now", "earlier", "later"});
}

TEST_CASE("jobs that have not run when the executors end are destroyed, locals last", "[net]") {
  std::string story;
  {
    AsioExecutors executors(1);
    Executor& executor = executors.at(0);
    run_on(executor, [&] { executor.local<Local>().story = &story; });
    executors.stop();
    executors.join();
    CHECK_FALSE(executors.running());
    executor.post([told = Told(story, "job ")] {});
    executor.post_after(1h, [told = Told(story, "timer ")] {});
  }
  CHECK(story.ends_with("local "));
  CHECK(story.find("job ") != story.npos);
  CHECK(story.find("timer ") != story.npos);
}

TEST_CASE("executors run on loops of the application", "[net]") {
  asio::io_context loop(1);
  AsioExecutors executors({loop});
  CHECK_FALSE(executors.running());
  CHECK(&executors.context(0) == &loop);
  Executor& executor = executors.at(0);
  std::string story;
  executor.post([&] { story += executor.runs_here() ? "job " : "?"; });
  executor.post_after(1ms, [&] { story += executor.runs_here() ? "timer" : "?"; });
  loop.run();
  CHECK(story == "job timer");
  CHECK(Executor::current() == nullptr);
}

TEST_CASE("a job posted by a job runs behind it, and one posted by that runs behind other handlers", "[net]") {
  asio::io_context loop(1);
  net::AsioExecutor executor(loop, net::AsioExecutor::RunBy::one_thread);
  std::string story;
  asio::post(loop, [&] {
    const net::AsioExecutor::Handling handling(executor);
    asio::post(loop, [&] { story += "other "; });
    executor.post([&] {
      story += "job ";
      executor.at_end_of_turn([&] { story += "end "; });
      executor.post([&] { story += "next"; });
    });
    story += "handler ";
  });
  CHECK(loop.run() == 3);  // handlers: nothing else was asked of Asio
  CHECK(story == "handler job end other next");
}

TEST_CASE("jobs left at the end are destroyed while all executors still exist", "[net]") {
  struct PostsWhenItGoes {
    AsioExecutors& executors;
    std::shared_ptr<int> kept;
    ~PostsWhenItGoes() {
      executors.at(0).post([kept = kept] {});
    }
  };
  auto kept = std::make_shared<int>();
  {
    AsioExecutors executors(2);
    executors.stop();
    executors.join();
    executors.at(1).post([last = std::shared_ptr<PostsWhenItGoes>(new PostsWhenItGoes{executors, kept})] {});
  }
  CHECK(kept.use_count() == 1);
}

TEST_CASE("executors on one io_context that four threads run take turns each, and keep the order", "[net]") {
  constexpr int count = 2'000;
  asio::io_context loop(4);
  AsioExecutors executors({loop, loop});
  struct Seen {
    std::atomic<bool> inside{false};
    std::atomic<int> overlaps{0}, disorders{0}, ran{0}, timers{0};
    int next = 0;
    void enter() { overlaps += inside.exchange(true); }
  } seen[2];
  for (std::size_t which : {0U, 1U}) {
    for (int i = 0; i < count; ++i) {
      executors.at(which).post_after(std::chrono::microseconds(i), [&seen = seen[which]] {
        seen.enter();
        ++seen.timers;
        seen.inside = false;
      });
    }
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { loop.run(); });
  for (std::size_t which : {0U, 1U}) {
    Executor& executor = executors.at(which);
    for (int i = 0; i < count; ++i) {
      executor.post([&seen = seen[which], &executor, i] {
        seen.enter();
        seen.disorders += seen.next++ != i || !executor.runs_here();
        executor.post([&seen] { ++seen.ran; });
        seen.inside = false;
      });
    }
  }
  for (std::thread& thread : threads) thread.join();
  for (const Seen& each : seen) {
    CHECK(each.overlaps == 0);
    CHECK(each.disorders == 0);
    CHECK(each.ran == count);
    CHECK(each.timers == count);
  }
}

TEST_CASE("a job for the latest time never runs, and one for the past runs now", "[net]") {
  AsioExecutors executors(1);
  Executor& executor = executors.at(0);
  const auto story = std::make_shared<test::Transcript>();
  run_on(executor, [&] {
    executor.post_after(std::chrono::nanoseconds::max(), [story] { story->add("the end of time"); });
    executor.post_after(std::chrono::nanoseconds::min(), [story] { story->add("the past"); });
  });
  executor.post_after(std::chrono::nanoseconds::max(), [story] { story->add("the end of time"); });
  executor.post_after(20ms, [story] { story->add("later"); });
  CHECK(story->has("later"));
  CHECK(story->lines() == std::vector<std::string>{"the past", "later"});
}

TEST_CASE("executors end although a name server does not answer", "[net]") {
  test::Names names;
  struct Quiet final : StreamEvents {
    void on_open() override {}
    void on_bytes(std::string_view) override {}
    void on_closed(const Error&) override {}
  } events;
  {
    AsioExecutors executors(1);
    AsioDialer dialer(executors);
    std::unique_ptr<ByteStream> stream;
    run_on(executors.at(0),
           [&] { stream = dialer.dial({.host = "silent.test", .port = 6379}, executors.at(0), events); });
    names.wait_for_question();
    run_on(executors.at(0), [&] { stream.reset(); });
  }
  CHECK_FALSE(names.answered());  // the end did not wait for it
}

TEST_CASE("joining from one of the executors is refused", "[net]") {
  AsioExecutors executors(2);
  run_on(executors.at(1), [&] { CHECK_THROWS_AS(executors.join(), std::logic_error); });
}
