// SPDX-License-Identifier: MIT
// What every client receives, beside a plain model: many groups, authors left out, joins and leaves at random, handlers
// that wait, and a network that takes a few bytes at a time.
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "integration/support/drip.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/core/completion.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"

using namespace sluice;
using sluice::testing::Drip;
using sluice::testing::ManualExecutor;
using sluice::testing::ManualExecutors;

namespace {

using Gate = Completion<std::monostate>;

// Joins, leaves, answers and waits by its client's messages: "+group", "-group", "=text", "wait".
class Member : public Consumer {
 public:
  explicit Member(std::map<std::string, Gate>* gates) : gates_(*gates) {}
  Task<> receive(const Message& message) override {
    const std::string order(message.data().substr(1));
    if (message.data().front() == '+') {
      auto joined = co_await group_add(order);
      if (!joined) throw std::runtime_error(joined.error().message());
    } else if (message.data().front() == '-') {
      auto left = co_await group_discard(order);
      if (!left) throw std::runtime_error(left.error().message());
    } else if (message.data().front() == '=') {
      send_text(order);
    } else {
      const Gate gate = gates_[std::string(scope().path())];
      co_await gate;
    }
  }

 private:
  std::map<std::string, Gate>& gates_;
};

// Gives each connection its path as its id.
class Named : public Middleware {
  Task<Verdict> handle(Scope& scope) override {
    scope.set_web_socket_id(std::string(scope.path()));
    return Verdict::pass();
  }
};

// A message's content and length.
std::string shortened(std::string_view text) {
  return std::string(text.substr(0, text.find('x'))) + ":" + std::to_string(text.size()) + " ";
}

// What has arrived.
std::string transcript(const Drip& connection) {
  std::string all;
  FrameReader reader(connection.received());
  while (const auto item = reader.next()) all += shortened(item.payload);
  return all;
}

struct Client {
  std::string path;
  ManualExecutor* executor = nullptr;
  std::shared_ptr<Drip> connection;
  std::shared_ptr<ConnectionEvents> events;
  bool waits = false;
  std::set<std::string> groups;        // the model
  std::vector<std::string> expected;   // what it has to hear
  std::vector<std::string> put_aside;  // what it has to hear once its handler is done
  void hears(const std::string& text) { (waits ? put_aside : expected).push_back(text); }
};

std::string group(unsigned number) { return "group-" + std::to_string(number); }

}  // namespace

TEST_CASE("every client receives what a simple model predicts, in order", "[integration][CL-19][CL-27][DI-8]") {
  const auto seed = GENERATE(range(1U, 41U));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&](unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(random); };

  ManualExecutors executors(2);
  InMemoryChannelLayer layer(executors);
  std::map<std::string, Gate> gates;
  Host host(with(std::make_shared<Named>(), consumer<Member>(&gates)), layer);
  std::vector<Client> clients;
  for (unsigned i = 0; i < 12; ++i) {
    Client client;
    client.path = "/" + std::to_string(i);
    client.executor = &executors.at(i % 2);
    client.connection = std::make_shared<Drip>(*client.executor);
    RequestInfo request;
    request.path = client.path;
    client.events =
        client.executor->run([&] { return host.open(Scope(request), client.connection, *client.executor); });
    clients.push_back(std::move(client));
  }
  executors.run_all();

  const auto say = [](Client& client, std::string text) {
    client.executor->run([&] { client.events->on_message(Message::text(std::move(text))); });
  };
  unsigned number = 0;
  for (unsigned turn = 0; turn < 60; ++turn) {
    // A broadcast goes to the executors with a member at that time, and reaches those that are members when the
    // executors run.
    struct Published {
      std::string where, text, author;
      std::set<ManualExecutor*> executors;
    };
    std::vector<Published> published;
    for (unsigned step = below(30); step > 0; --step) {
      Client& client = clients[below(12)];
      const std::string where = group(below(5));
      switch (below(8)) {
        case 0:
        case 1:
          if (client.waits) break;
          say(client, "+" + where);
          client.groups.insert(where);
          break;
        case 2:
          if (client.waits) break;
          say(client, "-" + where);
          client.groups.erase(where);
          break;
        case 3:
          if (client.waits) break;
          client.expected.push_back("own " + std::to_string(++number));
          say(client, "=" + client.expected.back());
          break;
        case 4:
          if (client.waits || below(3) > 0) break;
          client.waits = true;
          gates[client.path] = Gate();
          say(client, "wait");
          break;
        default: {
          const std::string text(below(4) == 0 ? 40'000 : below(300), 'x');
          const std::string author = below(2) == 0 ? "" : client.path;
          published.push_back({where, std::to_string(++number) + text, author, {}});
          for (const Client& each : clients) {
            if (each.groups.contains(where)) published.back().executors.insert(each.executor);
          }
          REQUIRE(layer.group_send(
              where, Event::broadcast_to_group(json::Text(published.back().text), {.except_socket = author})));
        }
      }
    }
    executors.run_all();
    for (const Published& one : published) {
      for (Client& client : clients) {
        if (client.path == one.author) continue;
        if (client.groups.contains(one.where) && one.executors.contains(client.executor)) client.hears(one.text);
      }
    }
    for (Client& client : clients) {
      if (client.waits && below(3) == 0) {
        gates[client.path].resolve({});
        executors.run_all();
        client.waits = false;
        client.expected.insert(client.expected.end(), client.put_aside.begin(), client.put_aside.end());
        client.put_aside.clear();
      }
      auto& frames = client.executor->local<FrameBuffer>();
      if (below(3) > 0) client.executor->run([&] { client.connection->take(below(20'000), frames); });
    }
  }
  for (Client& client : clients) {
    if (client.waits) gates[client.path].resolve({});
    executors.run_all();
    client.expected.insert(client.expected.end(), client.put_aside.begin(), client.put_aside.end());
    auto& frames = client.executor->local<FrameBuffer>();
    client.executor->run([&] { client.connection->take(SIZE_MAX, frames); });
    std::string expected;
    for (const std::string& text : client.expected) expected += shortened(text);
    CHECK(transcript(*client.connection) == expected);
    client.executor->run([&] { client.events->on_closed(CloseReason()); });
  }
  executors.run_all();
  CHECK(layer.stats().groups == 0);
  for (std::size_t i = 0; i < 2; ++i) {  // nothing of all those frames is kept but the chunks for the next
    CHECK(executors.at(i).local<FrameBuffer>().allocated_bytes() <= 2 * 64 * 1024);
  }
}
