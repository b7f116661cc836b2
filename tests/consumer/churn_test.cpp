// SPDX-License-Identifier: MIT
// Many connections come and go: nothing of them may stay.
#include <malloc.h>

#include "sluice/consumer/consumer.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/core/log.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/communicator.hpp"
#include "support/catch.hpp"
#include "support/scale.hpp"
#include "support/silence.hpp"

using namespace sluice;
using namespace sluice::testing;

namespace {

class Visitor : public Consumer {
 public:
  explicit Visitor(int* alive) : alive_(*alive) { ++alive_; }
  ~Visitor() override { --alive_; }
  Task<> connect() override {
    accept();
    for (const char* group : {"users", "table-1"}) {
      auto joined = co_await group_add(group);
      if (!joined) throw std::runtime_error(joined.error().message());
    }
    auto own = co_await group_add("own-" + std::string(scope().query_string()));
    if (!own) throw std::runtime_error(own.error().message());
  }
  Task<> receive(const Message& message) override {
    if (message.data() == "throw") throw std::runtime_error("oops");
    if (message.data() == "close") close(CloseReason(4000));
    send_text(message.data());
    return {};
  }

 private:
  int& alive_;
};

// The ways in which a connection ends, in turns.
void end(RecordingConnection& connection, int how) {
  switch (how % 4) {
    case 0: return connection.say_close(CloseReason(1001));
    case 1: return connection.vanish();
    case 2: return connection.say(Message::text("close"));
    default: return connection.say(Message::text("throw"));
  }
}

std::size_t heap_bytes() {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  return mallinfo2().uordblks;
#else
  return 0;
#endif
}

}  // namespace

TEST_CASE("a hundred thousand consumers leave nothing behind", "[consumer][CL-17][CL-25][LC-23]") {
  ManualExecutors executors(2);
  InMemoryChannelLayer layer(executors);
  int alive = 0;
  Host host(consumer<Visitor>(&alive), layer);
  const test::Silence silence;
  int number = 0;

  const auto churn = [&](int rounds) {
    for (int round = 0; round < rounds; ++round) {
      std::vector<std::shared_ptr<RecordingConnection>> wave;
      for (int i = 0; i < 100; ++i) {
        ManualExecutor& executor = executors.at(static_cast<std::size_t>(i % 2));
        wave.push_back(std::make_shared<RecordingConnection>(executor));
        RequestInfo request;
        request.query_string = std::to_string(++number);
        executor.run([&] { wave.back()->open(host, Scope(std::move(request))); });
      }
      executors.run_all();
      REQUIRE(alive == 100);
      REQUIRE(layer.stats().groups == 102);
      REQUIRE(layer.group_send("table-1", Event::broadcast_to_group(json::Text("{\"n\":1}"))));
      for (int i = 0; i < 100; ++i) {
        wave[static_cast<std::size_t>(i)]->say(Message::text("hello"));
        end(*wave[static_cast<std::size_t>(i)], i);
      }
      executors.run_all();
      REQUIRE(alive == 0);
      REQUIRE(layer.stats().groups == 0);
      REQUIRE(layer.stats().channels == 0);
      REQUIRE(host.stats().connections == 0);
      for (const auto& connection : wave) REQUIRE(connection->released());
    }
    executors.advance(std::chrono::seconds(10));  // the timers of the last wave's graces
  };

  churn(20);
  const std::size_t baseline = heap_bytes();
  const auto frames = [&](std::size_t at) {
    return executors.at(at).run([&] { return executors.at(at).local<FrameBuffer>().allocated_bytes(); });
  };
  const std::size_t frame_bytes = frames(0) + frames(1);
  churn(test::scaled(1'000) - 20);
  CHECK(number == test::scaled(100'000));
  CHECK(frames(0) + frames(1) == frame_bytes);
  CHECK(heap_bytes() <= baseline + 64 * 1024);  // a hundred thousand leaks of a byte each would be more
  CHECK(host.stats().opened == test::scaled(100'000));
  CHECK(host.stats().failed_handlers == test::scaled(25'000));
}

namespace {

// Waits at the door until the house opens.
class Patient : public Consumer {
 public:
  explicit Patient(std::vector<Completion<std::monostate>>* doors) : doors_(*doors) {}
  Task<> connect() override {
    const Completion<std::monostate> door;
    doors_.push_back(door);
    co_await door;
    accept();
    auto joined = co_await group_add("lobby");
    if (!joined) close(CloseReason(close_code::internal_error));
  }

 private:
  std::vector<Completion<std::monostate>>& doors_;
};

}  // namespace

TEST_CASE("a second storm of connections while the first still waits", "[consumer][LC-8][DI-6]") {
  ManualExecutor executor;
  InMemoryChannelLayer layer(executor);
  std::vector<Completion<std::monostate>> doors;
  Host host(consumer<Patient>(&doors), layer);
  std::vector<std::shared_ptr<RecordingConnection>> all;
  const auto storm = [&](std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      all.push_back(std::make_shared<RecordingConnection>(executor));
      executor.run([&] { all.back()->open(host, Scope()); });
    }
    executor.run_all();
  };
  storm(1000);
  storm(1000);
  REQUIRE(doors.size() == 2000);
  CHECK(host.stats().accepted == 0);
  for (std::size_t i = 0; i < 500; ++i) all[i]->vanish();  // some do not wait that long
  executor.run_all();
  for (const auto& door : doors) door.resolve({});
  executor.run_all();
  CHECK(host.stats().accepted == 1500);
  CHECK(layer.stats().channels == 1500);
  CHECK(executor.run([&] { return layer.group_size("lobby"); }).value() == 1500);
  for (std::size_t i = 500; i < all.size(); ++i) all[i]->vanish();
  executor.run_all();
  CHECK(host.stats().connections == 0);
  CHECK(layer.stats().channels == 0);
  CHECK(layer.stats().groups == 0);
}
