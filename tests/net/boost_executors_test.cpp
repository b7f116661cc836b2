// SPDX-License-Identifier: MIT
// Executors on Boost.Asio's io_context.
#if __has_include(<boost/asio/io_context.hpp>)

#include "sluice/net/boost_executors.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "sluice/consumer/host.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/recording_connection.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"

using namespace sluice;
using namespace std::chrono_literals;

namespace {

struct Repeat : Consumer {
  Task<> connect() override {
    accept();
    const auto joined = co_await group_add("all");
    send_text(joined ? "joined" : joined.error().message());
  }
  Task<> receive(const Message& message) override {
    send(message.kind(), message.data());
    return {};
  }
};

}  // namespace

TEST_CASE("a Boost io_context runs jobs in order, as the executor that posted them", "[net]") {
  boost::asio::io_context loop;
  BoostExecutors executors({loop, loop});
  std::string order;
  Executor& first = executors.at(0);
  for (int i = 0; i < 3; ++i) {
    first.post([&, i] {
      order += std::to_string(i) + (first.runs_here() ? "here " : "elsewhere ");
      first.post([&, i] { order += std::to_string(i) + "later "; });
    });
  }
  CHECK(order.empty());
  loop.run();
  CHECK(order == "0here 1here 2here 0later 1later 2later ");
  CHECK(Executor::current() == nullptr);
}

TEST_CASE("executors on one Boost io_context that four threads run take turns each, and keep the order", "[net]") {
  boost::asio::io_context loop;
  BoostExecutors executors({loop, loop, loop});
  struct Seen {
    std::atomic<int> inside{0};
    std::vector<int> order;
    bool alone = true;
  };
  std::vector<Seen> seen(executors.size());
  constexpr int jobs = 1'000;
  for (int i = 0; i < jobs; ++i) {
    for (std::size_t which = 0; which < executors.size(); ++which) {
      executors.at(which).post([&seen = seen[which], i] {
        seen.alone &= seen.inside.fetch_add(1) == 0;
        seen.order.push_back(i);
        seen.inside.fetch_sub(1);
      });
    }
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { loop.run(); });
  for (std::thread& thread : threads) thread.join();
  for (const Seen& one : seen) {
    CHECK(one.alone);
    CHECK(one.order.size() == jobs);
    CHECK(std::ranges::is_sorted(one.order));
  }
}

TEST_CASE("timers of a Boost io_context run in the order of their times", "[net]") {
  boost::asio::io_context loop;
  BoostExecutors executors({loop});
  std::string order;
  Executor& executor = executors.at(0);
  const auto begun = executor.now();
  executor.post_after(300ms, [&] { order += executor.runs_here() ? "third" : "elsewhere"; });
  executor.post_after(-1s, [&] { order += "first "; });
  executor.post_after(50ms, [&] { order += "second "; });
  loop.run();
  CHECK(order == "first second third");
  CHECK(executor.now() - begun >= 300ms);
}

TEST_CASE("what has not run when a Boost executor ends is destroyed, and its io_context goes on", "[net]") {
  boost::asio::io_context loop;
  auto kept = std::make_shared<int>(1);
  {
    BoostExecutors executors({loop});
    executors.at(0).post([kept] { *kept = 2; });
    executors.at(0).post_after(1h, [kept] { *kept = 3; });
    CHECK(kept.use_count() == 3);
  }
  CHECK(kept.use_count() == 1);
  loop.run();  // it does not wait for the hour
  CHECK(*kept == 1);
}

TEST_CASE("a job that throws on a Boost executor is logged, and the next one runs", "[net]") {
  const test::LogCapture log;
  boost::asio::io_context loop;
  BoostExecutors executors({loop});
  bool ran = false;
  executors.at(0).post([] { throw std::runtime_error("too bad"); });
  executors.at(0).post([&] { ran = true; });
  loop.run();
  CHECK(ran);
  CHECK(log.text().find("a job of an executor threw: too bad") != std::string::npos);
}

TEST_CASE("consumers and their layer live on a Boost io_context", "[net]") {
  boost::asio::io_context loop;
  BoostExecutors executors({loop});
  InMemoryChannelLayer layer(executors);
  Host host(consumer<Repeat>(), layer);
  const auto connection = std::make_shared<testing::RecordingConnection>(executors.at(0));
  executors.at(0).post([&] {
    connection->open(host, Scope(RequestInfo()));
    connection->say(Message::text("hello"));
    connection->say_close({close_code::normal});
  });
  loop.run();
  CHECK(connection->transcript() == "accept\ntext: joined\ntext: hello");
  CHECK(connection->ended());
}

#endif
