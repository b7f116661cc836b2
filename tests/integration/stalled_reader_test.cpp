// SPDX-License-Identifier: MIT
// One client that does not read, among many that do, over real sockets.
#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "sluice/consumer/host.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "support/blocking_client.hpp"
#include "support/catch.hpp"

using namespace sluice;

namespace {

class Watcher : public Consumer {
 public:
  Task<> connect() override {
    for (const auto& [group, policy] :
         {std::pair("prices", WhenSlow::keep_latest), std::pair("news", WhenSlow::drop_newest),
          std::pair("log", WhenSlow::drop_oldest)}) {
      auto joined = co_await group_add(group, policy);
      if (!joined) throw std::runtime_error(joined.error().message());
    }
    accept();
    send_text("welcome");
  }
  // "fill": many messages at once. Everything else is echoed.
  Task<> receive(const Message& message) override {
    if (message.data() != "fill") {
      send_text(message.data());
      return {};
    }
    for (int i = 0; i < 200; ++i) send_text(std::string(1'000, '.'));
    return {};
  }
  Task<> on_gap(const Gap& gap) override {
    send_text(fmt::format("missed {} {} {}", gap.group, gap.dropped, gap.superseded));
    return {};
  }
};

// The messages that a client received of each group.
struct Heard {
  std::map<std::string, std::vector<int>> numbers;
  std::map<std::string, int> latest;  // price by key
  std::map<std::string, int> missed;
  std::map<std::string, std::size_t> heard_before_missed;

  void take(const std::string& line) {
    std::istringstream words(line);
    std::string kind, group, key;
    int number = 0;
    words >> kind >> group;
    if (group == "missed") {
      int dropped = 0, superseded = 0;
      words >> group >> dropped >> superseded;
      missed[group] += dropped + superseded;
      heard_before_missed[group] = numbers[group].size();
      return;
    }
    words >> number >> key;
    numbers[group].push_back(number);
    if (group == "prices") latest[key] = number;
  }
};

class Exchange {
 public:
  static constexpr std::size_t readers = 199;
  static constexpr int rounds = 25;

  Exchange() { port = server.listen("127.0.0.1", 0).value(); }
  ~Exchange() {
    server.stop();
    server.wait();
  }
  test::BlockingClient enter(int receive_buffer = 0) const {
    test::BlockingClient client(port, receive_buffer);
    client.upgrade();
    REQUIRE(client.hear() == "text welcome");
    return client;
  }
  void tell(const std::string& group, const std::string& key = {}) {
    const std::string text = fmt::format("{} {} {} {:.>500}", group, ++last[group], key, "");
    REQUIRE(layer.group_send(group, Event::broadcast_to_group(Payload(json::Text(text), key))));
  }
  // 40 messages: 32 prices of 8 keys, 4 news, 4 lines of the log.
  void publish_round() {
    for (int i = 0; i < 4; ++i) {
      tell("news");
      tell("log");
      for (int key = 0; key < 8; ++key) tell("prices", "key" + std::to_string(key));
    }
  }
  // What frames take on all executors.
  std::size_t frame_bytes() {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < executors.size(); ++i) {
      Executor& executor = executors.at(i);
      const auto told = std::make_shared<std::promise<std::size_t>>();
      executor.post([told, &executor] { told->set_value(executor.local<FrameBuffer>().allocated_bytes()); });
      bytes += told->get_future().get();
    }
    return bytes;
  }

  static HostOptions bounds() {
    HostOptions options;
    options.limits.backlog_bytes = 64 * 1024;
    options.limits.backlog_messages = 60;
    return options;
  }

  std::map<std::string, int> last;
  AsioExecutors executors{2};
  InMemoryChannelLayer layer{executors};
  Host host{consumer<Watcher>(), layer, bounds()};
  AsioServer server{executors, host};
  std::uint16_t port = 0;
};

}  // namespace

TEST_CASE("one stalled reader among 200 does not delay the others, and its memory is bounded", "[integration]") {
  Exchange exchange;
  std::vector<test::BlockingClient> clients;
  for (std::size_t i = 0; i < Exchange::readers; ++i) clients.push_back(exchange.enter());
  auto stalled = exchange.enter(4096);

  // It does not read, and fills whatever the two kernels hold for it.
  std::vector<Heard> heard(clients.size());
  const auto all_read = [&](int messages) {
    for (std::size_t i = 0; i < clients.size(); ++i) {
      for (int k = 0; k < messages; ++k) heard[i].take(clients[i].hear());
    }
  };
  for (int fills = 0; exchange.host.stats().slow_clients == 0; ++fills) {
    REQUIRE(fills < 100);
    stalled.say("fill");
    exchange.tell("prices", "key0");
    all_read(1);
  }
  const std::size_t before = exchange.frame_bytes();
  std::size_t most = before;
  for (int round = 0; round < Exchange::rounds; ++round) {
    exchange.publish_round();
    all_read(40);
    most = std::max(most, exchange.frame_bytes());
  }
  // Half a mebibyte was sent to it meanwhile.
  CHECK(most < before + 64 * 1024 + 2 * 64 * 1024);  // the backlog, and the executors' chunks
  CHECK(exchange.host.stats().slow_clients == 1);

  // The others have all, in order.
  for (const Heard& one : heard) {
    CHECK(one.missed.empty());
    for (const auto& [group, last] : exchange.last) {
      const auto& numbers = one.numbers.at(group);
      bool complete = numbers.size() == static_cast<std::size_t>(last);
      for (std::size_t i = 0; i < numbers.size(); ++i) complete = complete && numbers[i] == static_cast<int>(i) + 1;
      CHECK(complete);
    }
  }

  // It reads on: waiting messages arrive in order, and gaps are reported.
  stalled.say("up to here");
  Heard late;
  for (std::string line = stalled.hear(); line != "text up to here"; line = stalled.hear()) {
    REQUIRE(line.starts_with("text "));
    if (!line.starts_with("text ....")) late.take(line);
  }
  for (const auto& [group, last] : exchange.last) {
    CAPTURE(group);
    const auto& numbers = late.numbers[group];
    CHECK(std::ranges::is_sorted(numbers));
    CHECK(numbers.size() + static_cast<std::size_t>(late.missed[group]) == static_cast<std::size_t>(last));
    CHECK(late.missed[group] > 0);
  }
  CHECK(late.latest == heard.front().latest);
  CHECK(late.numbers["news"].back() == static_cast<int>(late.heard_before_missed["news"]));  // the oldest, then the gap
  CHECK(late.numbers["log"].back() == exchange.last["log"]);                                 // the gap, then the newest
  CHECK(late.heard_before_missed["log"] == 0);

  // And it is as quick as the others again.
  exchange.publish_round();
  for (int k = 0; k < 40; ++k) late.take(stalled.hear());
  CHECK(late.numbers["news"].back() == exchange.last["news"]);
  CHECK(exchange.host.stats().gaps_told == 3);
}
