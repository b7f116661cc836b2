// SPDX-License-Identifier: MIT
// The bus on a real server: what arrives, what becomes of what was sent, and what a loss is.
#include <fmt/format.h>

#include "nats/support/bus_world.hpp"
#include "sluice/abi.hpp"
#include "support/eventually.hpp"

namespace sluice::SLUICE_ABI::nats {

TEST_CASE("groups, plain channels and consumers' channels reach their recipients", "[nats]") {
  World world;
  Peer& ann = world.peer("specific.ann!");
  Peer& bob = world.peer("specific.bob!");
  REQUIRE(ann.subscribe(group("table.7")));
  REQUIRE(bob.subscribe(group("table.7")));
  REQUIRE(bob.subscribe(channel("jobs")));
  CHECK(ann.becomes(ann.send("table.7", 1), "reached 1"));
  (void)ann.send("table", 2);
  (void)ann.send(BusTarget::channel, "jobs", R"({"type":"job"})");
  (void)ann.send(BusTarget::channel, "specific.bob!17", R"({"type":"mail"})");
  CHECK(bob.hears("table.7:1 @jobs:job @specific.bob!17:mail"));
  CHECK(ann.hears("table.7:1"));
  REQUIRE(bob.unsubscribe(group("table.7")));
  (void)ann.send("table.7", 3);
  (void)ann.send(BusTarget::channel, "jobs", R"({"type":"last"})");
  CHECK(ann.hears("table.7:1 table.7:3"));
  CHECK(bob.hears("table.7:1 @jobs:job @specific.bob!17:mail @jobs:last"));
}

TEST_CASE("of two processes that read a plain channel one receives an event", "[nats]") {
  World world;
  Peer& ann = world.peer("specific.ann!");
  Peer& bob = world.peer("specific.bob!");
  REQUIRE(ann.subscribe(channel("jobs")));
  REQUIRE(bob.subscribe(channel("jobs")));
  Outcome last;
  for (int i = 0; i < 100; ++i) last = ann.send(BusTarget::channel, "jobs", R"({"type":"job"})");
  CHECK(world.executor.run_until([&] { return ann.count + bob.count >= 100; }));
  CHECK(ann.becomes(last, "reached 1"));
  REQUIRE(ann.subscribe(group("behind")));
  REQUIRE(bob.subscribe(group("behind")));
  CHECK(ann.count + bob.count == 100);
  CHECK(ann.count > 0);
  CHECK(bob.count > 0);
}

TEST_CASE("events of one process keep their order, also across groups", "[nats]") {
  World world;
  Peer& ann = world.peer();
  for (int g = 0; g < 10; ++g) REQUIRE(ann.subscribe(group(fmt::format("g{}", g))));
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    (void)ann.send(fmt::format("g{}", i * 7 % 10), i);
    expected += fmt::format("{}g{}:{}", i ? " " : "", i * 7 % 10, i);
  }
  CHECK(ann.hears(expected));
}

TEST_CASE("a message ends when the server has answered, not before", "[nats]") {
  World world;
  Peer& ann = world.peer();
  world.server.pause();
  const Outcome outcome = ann.send("g", 1);
  CHECK_FALSE(world.executor.run_until([&] { return !outcome->empty(); }, std::chrono::milliseconds(50)));
  world.server.resume();
  CHECK(ann.becomes(outcome, "reached 1"));
  CHECK(ann.writables > 0);
}

TEST_CASE("a server that does not answer in time is lost, and what it was sent is unconfirmed", "[nats]") {
  World world;
  NatsOptions options = quick(world.server.url());
  options.answer_time = std::chrono::milliseconds(300);
  Peer& ann = world.peer(options);
  world.server.pause();
  CHECK(ann.becomes(ann.send("g", 1), "io_failed"));
  CHECK(ann.is_down());
  CHECK(ann.counters->unconfirmed == 1);
  world.server.resume();
  CHECK(ann.is_up());
}

TEST_CASE("a server that is silent is lost, though nothing is sent to it", "[nats]") {
  World world;
  NatsOptions options = quick(world.server.url());
  options.answer_time = std::chrono::milliseconds(200);
  Peer& ann = world.peer(options);
  world.server.pause();
  CHECK(ann.is_down());
  world.server.resume();
  CHECK(ann.is_up());
}

TEST_CASE("a killed server is found again once it is restarted, and each message has an outcome", "[nats]") {
  World world;
  Peer& ann = world.peer();
  REQUIRE(ann.subscribe(group("g")));
  std::size_t known = 0;
  for (int round = 0; round < 3; ++round) {
    world.server.stop();
    std::vector<Outcome> outcomes;
    for (int i = 0; i < 10; ++i) outcomes.push_back(ann.send("g", i));
    REQUIRE(ann.is_down());
    ann.kept.clear();  // ends those that were not sent
    for (const auto& outcome : outcomes) known += !outcome->empty();
    world.server.start();
    REQUIRE(ann.is_up());
    REQUIRE(ann.subscribe(group("g")));
    ann.heard.clear();
    CHECK(ann.becomes(ann.send("g", 7), "reached 1"));
    CHECK(ann.hears("g:7"));
  }
  CHECK(known == 30);
  CHECK(ann.downs == 3);
}

TEST_CASE("messages that a broken connection did not take are returned, to be sent again", "[nats]") {
  World world;
  Peer& ann = world.peer();
  world.server.stop();
  // The thread notices the loss. The executor does not run meanwhile, so the bus still takes messages.
  REQUIRE(test::eventually([&] { return world.executor.pending() > 0; }));
  const Outcome outcome = ann.send("g", 1);
  REQUIRE(ann.is_down());
  CHECK(outcome->empty());
  CHECK(ann.kept.size() == 1);
  CHECK(ann.counters->unconfirmed == 0);
}

TEST_CASE("a reader that is too slow loses messages, which is counted and reported as a loss", "[nats]") {
  World world;
  NatsOptions options = quick(world.server.url());
  options.unread_events = 10;
  Peer& slow = world.peer(options, "specific.slow!");
  testing::ManualExecutor elsewhere;
  Peer fast(elsewhere, quick(world.server.url()), "specific.fast!");
  REQUIRE(fast.is_up());
  REQUIRE(slow.subscribe(group("g")));
  Outcome last;
  for (int i = 0; i < 50; ++i) last = fast.send("g", i);
  CHECK(fast.becomes(last, "reached 1"));
  CHECK(test::eventually([&] { return slow.counters->dropped > 0; }));
  CHECK(slow.is_down());
  CHECK(slow.count < 50);
  CHECK(slow.reason == "receive: more arrives than is read");
  CHECK(slow.is_up());
}

TEST_CASE("while the layer has no room nothing is delivered, and afterwards everything", "[nats]") {
  World world;
  Peer& ann = world.peer();
  REQUIRE(ann.subscribe(group("g")));
  ann.room = false;
  for (int i = 0; i < 3; ++i) (void)ann.send("g", i);
  REQUIRE(ann.pauses());
  CHECK(ann.heard == "");
  ann.make_room();
  CHECK(ann.hears("g:0 g:1 g:2"));
}

TEST_CASE("the bus takes no more than a bound before the server answers", "[nats]") {
  World world;
  Peer& ann = world.peer();
  world.server.pause();
  const std::string large = R"({"type":"large","text":")" + std::string(100'000, 'x') + "\"}";
  std::vector<Outcome> taken;
  for (;;) {
    Outcome outcome = ann.send(BusTarget::group, "g", large);
    if (*outcome == "no room") break;
    taken.push_back(std::move(outcome));
    REQUIRE(taken.size() < 100);
  }
  CHECK(taken.size() == 11);
  world.server.resume();
  CHECK(ann.becomes(taken.back(), "reached 1"));
  CHECK(ann.writables > 0);
  CHECK(ann.becomes(ann.send(BusTarget::group, "g", large), "reached 1"));
}

TEST_CASE("a bus that is busy with subscriptions reports when it takes messages again", "[nats]") {
  World world;
  Peer& ann = world.peer();
  bool answered = false;
  for (int i = 0; i < 5'000; ++i) ann.ask(group(fmt::format("g{}", i)), answered);
  Outcome outcome = ann.send("g", 1);
  CHECK(*outcome == "no room");
  while (*outcome == "no room") {
    const std::size_t before = ann.writables;
    REQUIRE(world.executor.run_until([&] { return ann.writables > before; }));
    outcome = ann.send("g", 1);
  }
  CHECK(ann.becomes(outcome, "reached 1"));
}

TEST_CASE("a message may be larger than what may be unread, if it is alone", "[nats]") {
  World world;
  NatsOptions options = quick(world.server.url());
  options.unread_events = 2;
  options.unread_bytes = 1000;
  Peer& ann = world.peer(options);
  REQUIRE(ann.subscribe(group("g")));
  (void)ann.send(BusTarget::group, "g", R"({"type":"large","text":")" + std::string(500'000, 'x') + "\"}");
  CHECK(ann.hears("g:large"));
  CHECK(ann.downs == 0);
}

TEST_CASE("an event above the server's max_payload fails alone", "[nats]") {
  const Folder folder;
  World world({"-c", folder.file("conf", "max_payload: 1000\n")});
  Peer& ann = world.peer();
  CHECK(*ann.send(BusTarget::group, "g", R"({"type":")" + std::string(1000, 'x') + "\"}") == "limit_exceeded");
  CHECK(ann.counters->rejected == 1);
  CHECK(ann.becomes(ann.send("g", 1), "reached 1"));
  CHECK(ann.downs == 0);
}

TEST_CASE("a message that is no event is counted, and the next one is read", "[nats]") {
  World world;
  Peer& ann = world.peer();
  REQUIRE(ann.subscribe(group("g")));
  for (const char* body : {"no JSON", "[]", ""}) (void)ann.send(BusTarget::group, "g", body);
  (void)ann.send("g", 1);
  CHECK(ann.hears("g:1"));
  CHECK(ann.counters->unreadable == 3);
}

TEST_CASE("a missing permission is a loss that names it, and nothing is confirmed without one", "[nats]") {
  const Folder folder;
  World world({"-c", folder.file("conf", R"(authorization { users: [ { user: ann, password: secret, permissions: {
    publish: ["sluice.c.>", "sluice.g.open"], subscribe: ["sluice.c.>", "sluice.g.open"] } } ] })")});
  NatsOptions options = quick(world.server.url());
  options.username = "ann";
  options.password = "secret";
  Peer& ann = world.peer(options);
  REQUIRE(ann.subscribe(group("open")));
  CHECK(ann.becomes(ann.send("open", 1), "reached 1"));
  CHECK(ann.becomes(ann.send("closed", 1), "refused"));
  REQUIRE(ann.is_down());
  CHECK(ann.reason.find("sluice.g.closed") != std::string::npos);
  REQUIRE(ann.is_up());
  bool answered = false;
  ann.ask(group("closed"), answered);
  REQUIRE(ann.is_down());
  CHECK_FALSE(answered);
  CHECK(ann.downs == 2);
  CHECK(ann.reason.find("sluice.g.closed") != std::string::npos);
}

TEST_CASE("a user's password, or a token, must be the server's", "[nats]") {
  const test::Silence silence;
  testing::ManualExecutor executor;
  const auto comes_up = [&](const NatsOptions& options, std::chrono::milliseconds patience) {
    return Peer(executor, options).is_up(patience);
  };
  constexpr auto a_while = std::chrono::milliseconds(300);
  const NatsServer user({"--user", "ann", "--pass", "se:c@ret"}), token({"--auth", "s3cr3t"});
  NatsOptions options = quick(user.url());
  options.username = "ann";
  options.password = "se:c@ret";
  CHECK(comes_up(options, std::chrono::seconds(20)));
  options.password = "wrong";
  CHECK_FALSE(comes_up(options, a_while));
  CHECK_FALSE(comes_up(quick(user.url()), a_while));
  options = quick(token.url());
  options.token = "s3cr3t";
  CHECK(comes_up(options, std::chrono::seconds(20)));
  options.token = "wrong";
  CHECK_FALSE(comes_up(options, a_while));
}

TEST_CASE("of several servers, one that is there is enough", "[nats]") {
  World world;
  NatsServer second;
  NatsOptions options = quick(world.server.url());
  options.servers = {world.server.url(), second.url()};
  Peer& ann = world.peer(options);
  world.server.stop();
  REQUIRE(ann.is_down());
  REQUIRE(ann.is_up());
  CHECK(ann.becomes(ann.send("g", 1), "reached 1"));
  second.stop();
  REQUIRE(ann.is_down());
  world.server.start();
  CHECK(ann.is_up());
}

TEST_CASE("a server that accepts and sends nothing is given up for the next", "[nats]") {
  World world;
  const NatsServer silent;
  silent.pause();
  NatsOptions options = quick(world.server.url());
  options.servers = {silent.url(), world.server.url()};
  options.answer_time = std::chrono::milliseconds(300);
  CHECK(Peer(world.executor, options).is_up());
}

TEST_CASE("options that cannot work are refused, and the message holds no password", "[nats]") {
  testing::ManualExecutor executor;
  const auto refused = [&](NatsOptions options) -> std::string {
    options.username = "ann";
    options.password = "secret";
    try {
      const auto bus = make_bus(executor, options, std::make_shared<NatsCounters>());
    } catch (const std::invalid_argument& error) {
      CHECK(std::string(error.what()).find("secret") == std::string::npos);
      return error.what();
    }
    return "taken";
  };
  CHECK(refused({}) == "taken");
  CHECK(refused({.prefix = "a.b-c"}) == "taken");
  CHECK(refused({.servers = {}}) == "NatsOptions: servers is empty");
  for (const char* url : {"", "localhost", "http://localhost", "nats://", "nats://ann:secret@localhost", "nats://x/"}) {
    CHECK(refused({.servers = {"nats://localhost", url}}).find("servers") != std::string::npos);
  }
  for (const char* prefix : {"", ".", "a.", ".a", "a..b", "a b", "a.*", ">", "a/b", "a\n", "c", "a.c"}) {
    CHECK(refused({.prefix = prefix}).find("prefix") != std::string::npos);
  }
  CHECK(refused({.answer_time = std::chrono::milliseconds(0)}) == "NatsOptions: a time is below 1 ms or above a year");
  CHECK(refused({.reconnect_max = std::chrono::milliseconds(-1)}) != "taken");
  CHECK(refused({.unread_events = 0}) == "NatsOptions: unread_events or unread_bytes is 0");
  CHECK(refused({.tls = NatsTls{.ca_file = "/nowhere"}}).find("tls.ca_file") != std::string::npos);
}

TEST_CASE("a bus that ends while it connects makes no callback", "[nats]") {
  const test::Silence silence;
  testing::ManualExecutor executor;
  const std::string nobody = fmt::format("nats://127.0.0.1:{}", redis::free_port());
  for (int i = 0; i < 20; ++i) Peer(executor, quick(nobody));
  CHECK(executor.run_all() == 0);
}

}  // namespace sluice::SLUICE_ABI::nats
