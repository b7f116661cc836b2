// SPDX-License-Identifier: MIT
// What an event from one layer to another costs through Redis's publish and subscribe, and through NATS
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "sluice/core/block_on.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/nats/nats_channel_layer.hpp"
#include "sluice/net/asio_dialer.hpp"
#include "sluice/redis/redis_pubsub_channel_layer.hpp"
#include "support/child.hpp"

namespace {

using namespace sluice;
using Seconds = std::chrono::duration<double>;

constexpr int rounds = 3;
constexpr std::size_t alone = 3'000, together = 30'000, in_flight = 64;

// A member of the group that counts what it receives. Any thread may wait for it.
class Counting final : public Subscriber {
 public:
  Counting(ChannelLayer& layer, Executor& executor) : executor_(executor) {
    const Completion<bool> joined;
    executor_.post([this, &layer, joined] {
      work_.emplace(join(layer, joined));
      (void)work_->start({[](void*) noexcept {}, nullptr});
    });
    if (!block_on([](Completion<bool> done) -> Task<bool> { co_return co_await done; }(joined))) {
      throw std::runtime_error("the group cannot be joined");
    }
  }
  // On its executor, where it lives.
  void leave() {
    const Completion<bool> left;
    executor_.post([this, left] {
      work_.reset();
      channel_.reset();
      left.resolve(true);
    });
    block_on([](Completion<bool> done) -> Task<bool> { co_return co_await done; }(left));
  }
  void wait_for(std::size_t count) const {
    for (std::size_t now = count_; now < count; now = count_) count_.wait(now);
  }
  std::size_t count() const { return count_; }

  void deliver(const Event&) override { add(1); }
  void deliver(const DeliveryRun& run) override { add(run.deliveries.size()); }
  Identity identity() const noexcept override { return {{}, nobody_}; }
  Executor& executor() const noexcept override { return executor_; }

 private:
  Task<> join(ChannelLayer& layer, Completion<bool> joined) {
    auto opened = co_await layer.open_channel(*this);
    if (opened) channel_.emplace(std::move(*opened));
    bool done = false;
    if (channel_) {
      auto added = co_await layer.group_add("prices", *channel_);
      done = bool(added);
    }
    joined.resolve(done);
  }
  void add(std::size_t events) {
    count_ += events;
    count_.notify_all();
  }

  Executor& executor_;
  const UserId nobody_;
  std::optional<Channel> channel_;
  std::optional<Task<>> work_;
  std::atomic<std::size_t> count_{0};
};

struct Cost {
  double wall, ours, server;  // microseconds of an event
};

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Of all threads of a process, as the scheduler counts them.
double processor_seconds(pid_t process) {
  double nanoseconds = 0;
  for (const auto& thread : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", process))) {
    double ran = 0;
    std::ifstream(thread.path() / "schedstat") >> ran;
    nanoseconds += ran;
  }
  return nanoseconds / 1e9;
}

Cost measure(ChannelLayer& sender, const Counting& receiver, pid_t server, std::size_t events, std::size_t ahead) {
  const Event event =
      Event::broadcast_to_group(json::Text(R"({"type":"row_updated","table_id":7,"row":{"id":1,"order":)"
                                           R"("1.00","field_1":"a text of ordinary length"}})"));
  const auto began = std::chrono::steady_clock::now();
  const double ours = processor_seconds(), servers = processor_seconds(server);
  const std::size_t before = receiver.count();
  for (std::size_t i = 0; i < events; ++i) {
    if (i >= ahead) receiver.wait_for(before + i - ahead + 1);
    if (!sender.group_send("prices", event)) throw std::runtime_error("not sent");
  }
  receiver.wait_for(before + events);
  const auto each = [events](double seconds) { return seconds * 1e6 / static_cast<double>(events); };
  return {each(Seconds(std::chrono::steady_clock::now() - began).count()), each(processor_seconds() - ours),
          each(processor_seconds(server) - servers)};
}

// Sender and receiver, each with a thread of its own.
template <class Layer>
class Pair {
 public:
  Pair(std::string name, pid_t server, const std::function<std::unique_ptr<Layer>(AsioExecutors&, AsioDialer&)>& make)
      : name_(std::move(name)),
        server_(server),
        from_(make(sending_, from_dialer_)),
        to_(make(receiving_, to_dialer_)),
        receiver_(*to_, receiving_.at(0)) {
    if (!block_on(from_->wait_until_up())) throw std::runtime_error(name_ + " does not come up");
  }
  ~Pair() {
    receiver_.leave();
    block_on(from_->close());
    block_on(to_->close());
  }
  void run() {
    alone_.push_back(measure(*from_, receiver_, server_, alone, 1));
    together_.push_back(measure(*from_, receiver_, server_, together, in_flight));
  }
  void print() {
    for (auto* costs : {&alone_, &together_}) {
      const auto median = [&](double Cost::*part) {
        std::ranges::sort(*costs, {}, part);
        return (*costs)[costs->size() / 2].*part;
      };
      const std::string what = costs == &alone_ ? "one at a time" : fmt::format("{} in flight", in_flight);
      fmt::print("  {:<16}{:<16}{:>10.1f}{:>12.1f}{:>12.1f}\n", name_, what, median(&Cost::wall), median(&Cost::ours),
                 median(&Cost::server));
    }
  }

 private:
  const std::string name_;
  const pid_t server_;
  AsioExecutors sending_{1}, receiving_{1};
  AsioDialer from_dialer_{sending_}, to_dialer_{receiving_};
  std::unique_ptr<Layer> from_, to_;
  Counting receiver_;
  std::vector<Cost> alone_, together_;
};

}  // namespace

int main() {
  OwnRedis redis;
  OwnNats nats;
  Pair<RedisPubSubChannelLayer> through_redis("Redis pub/sub", redis.id(), [&](AsioExecutors& on, AsioDialer& dialer) {
    return std::make_unique<RedisPubSubChannelLayer>(on, dialer, RedisOptions{.hosts = {redis.url()}});
  });
  Pair<NatsChannelLayer> through_nats("NATS", nats.id(), [&](AsioExecutors& on, AsioDialer&) {
    return std::make_unique<NatsChannelLayer>(on, NatsOptions{.servers = {nats.url()}});
  });
  for (int round = 0; round < rounds; ++round) {
    through_redis.run();
    through_nats.run();
  }
  fmt::print("microseconds of an event, medians        time   processor   of the server\n");
  through_redis.print();
  through_nats.print();
}
