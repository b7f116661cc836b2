// SPDX-License-Identifier: MIT
#include "sluice/core/worker_pool.hpp"

#include <atomic>
#include <future>
#include <stdexcept>

#include "sluice/core/block_on.hpp"
#include "sluice/core/task.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"

using namespace sluice;
using sluice::testing::ManualExecutor;

namespace {

Task<std::string> name_of(WorkerPool& pool, int id) {
  auto name = pool.run([id] { return "user " + std::to_string(id); });
  co_return co_await name;
}

Task<bool> threads_differ(WorkerPool& pool) {
  const auto here = std::this_thread::get_id();
  auto there = pool.run([] { return std::this_thread::get_id(); });
  const auto worked = co_await there;
  co_return worked != here&& std::this_thread::get_id() == here;
}

Task<> fails(WorkerPool& pool) {
  auto work = pool.run([] { throw std::runtime_error("database down"); });
  co_await work;
}

}  // namespace

TEST_CASE("work runs on a thread of the pool, and its awaiter resumes on its own executor", "[core][LC-26]") {
  ManualExecutor executor;
  WorkerPool pool(2);
  CHECK(executor.run([&] { return threads_differ(pool); }));
  CHECK(executor.run([&] { return name_of(pool, 7); }) == "user 7");
}

TEST_CASE("an exception of the work is thrown by the await", "[core]") {
  ManualExecutor executor;
  WorkerPool pool(1);
  CHECK_THROWS_WITH(executor.run([&] { return fails(pool); }), "database down");
}

TEST_CASE("one thread works in the order in which work came", "[core]") {
  std::string seen;
  {
    WorkerPool pool(1);
    for (char letter = 'a'; letter <= 'z'; ++letter) pool.post([&seen, letter] { seen += letter; });
  }
  CHECK(seen == "abcdefghijklmnopqrstuvwxyz");
}

TEST_CASE("a pool finishes its jobs before it is destroyed", "[core]") {
  std::atomic<int> done = 0;
  {
    WorkerPool pool(3);
    for (int i = 0; i < 1000; ++i) pool.post([&] { ++done; });
  }
  CHECK(done == 1000);
}

TEST_CASE("a pool reports how many jobs wait", "[core]") {
  std::promise<void> started, gate;
  WorkerPool pool(1);
  pool.post([&, open = gate.get_future()]() mutable {
    started.set_value();
    open.wait();
  });
  started.get_future().wait();
  pool.post([] {});
  pool.post([] {});
  CHECK(pool.waiting() == 2);
  gate.set_value();
}

TEST_CASE("a pool of no threads is refused", "[core]") { CHECK_THROWS_AS(WorkerPool(0), std::invalid_argument); }

TEST_CASE("work whose awaiter was destroyed has no effect", "[core]") {
  ManualExecutor executor;
  WorkerPool pool(1);
  {
    auto task = name_of(pool, 7);
    executor.run([&] { static_cast<void>(task.start({})); });
  }
  executor.run_all();
}

namespace {
Task<int> adds(WorkerPool& pool, int a, int b) {
  auto first = pool.run([a] { return a; });
  auto second = pool.run([b] { return b; });
  const int left = co_await first;
  const int right = co_await second;
  co_return left + right;
}
}  // namespace

TEST_CASE("block_on waits on a thread that has no executor", "[core]") {
  WorkerPool pool(2);
  CHECK(block_on(adds(pool, 2, 3)) == 5);
  CHECK(block_on(Task<int>(7)) == 7);
  block_on(Task<>());
  CHECK_THROWS_WITH(block_on(fails(pool)), "database down");
}

TEST_CASE("block_on() in an executor's job throws instead of waiting for ever", "[core]") {
  ManualExecutor executor;
  std::string said;
  executor.post([&] {
    try {
      block_on(Task<int>(7));
    } catch (const std::logic_error& error) {
      said = error.what();
    }
  });
  executor.run_all();
  CHECK(said == "block_on() would stop the executor that it runs on: co_await there");
}
