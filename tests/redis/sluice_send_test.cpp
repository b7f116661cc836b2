// SPDX-License-Identifier: MIT
// The command-line tool, as scripts use it, and what it leaves behind when it is killed.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <tuple>

#include "redis/core/message_sequence.hpp"
#include "redis/support/live_world.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;
using Layers = std::tuple<CoreProcess, PubSubProcess>;

namespace {

struct Outcome {
  int status;
  std::string output;
};

Outcome sluice_send(std::vector<std::string> words, const std::string& input = {}) {
  words.insert(words.begin(), SLUICE_SEND);
  const std::string log = temporary_folder() + "/stderr";
  Process process(std::move(words), log);
  if (!input.empty()) process.write_line(input);
  process.close_input();
  Outcome outcome;
  while (const auto line = process.read_line()) outcome.output += *line + "\n";
  outcome.status = process.wait();
  return outcome;
}

template <class Process>
constexpr bool is_core = std::is_same_v<Process, CoreProcess>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("sluice-send sends to groups and channels, and names them", "[redis][live]", Layers) {
  RedisServer server;
  TestType process(at(server));
  Guest& ann = process.guest_in("g");
  REQUIRE(process.guest().join("h"));
  const auto run = [&](std::vector<std::string> words, const std::string& input = {}) {
    words.insert(words.begin(), {"--redis", server.url()});
    if (!is_core<TestType>) words.insert(words.begin(), "--pubsub");
    return sluice_send(std::move(words), input);
  };
  const Outcome group = run({"group", "g", R"({"type":"number","n":1})"});
  CHECK(group.status == 0);
  CHECK(group.output == "reached 1, full 0\n");
  CHECK(ann.hears("1"));
  CHECK(run({"--quiet", "channel", ann.name()}, "{\"type\":\"number\",\"n\":2}\n\n{\"type\":\"number\",\"n\":3}")
            .output == "");
  CHECK(ann.hears("1 2 3"));
  CHECK(run({"groups"}).output == "g\nh\n");
  const Outcome members = run({"members", "g"});
  CHECK(members.status == (is_core<TestType> ? 0 : 2));
  CHECK(std::ranges::count(members.output, '\n') == (is_core<TestType> ? 1 : 0));
  // Nobody is told of what is no event, or of a name that is none.
  CHECK(run({"group", "g", "[1]"}).status == 1);
  CHECK(run({"group", "no group", R"({"type":"x"})"}).status == 1);
  CHECK(ann.heard() == "1 2 3");
}

TEST_CASE("sluice-send prints its usage and its errors", "[redis][live]") {
  CHECK(sluice_send({"--help"}).output.starts_with("usage: sluice-send"));
  const std::vector<std::vector<std::string>> wrong{
      {}, {"group"}, {"shout", "g"}, {"--redis"}, {"--loud", "groups"}, {"--redis", "http://localhost", "groups"}};
  for (const auto& words : wrong) {
    CAPTURE(words);
    CHECK(sluice_send(words).status == 2);
  }
}

TEMPLATE_LIST_TEST_CASE("a sender that is killed during its broadcasts harms no one", "[redis][live]", Layers) {
  RedisServer server;
  TestType one(at(server)), two(at(server));
  Guest& ann = one.guest_in("g");
  Guest& bob = two.guest_in("g");
  std::vector<std::string> words{SLUICE_SEND, "--quiet", "--redis", server.url(), "group", "g"};
  if (!is_core<TestType>) words.insert(words.begin() + 1, "--pubsub");
  Process sender(words);
  for (int i = 0; i < 1000; ++i) sender.write_line(R"({"type":"number","n":)" + std::to_string(i) + "}");
  REQUIRE(eventually([&] { return std::ranges::count(ann.heard(), ' ') > 20; }));
  sender.signal(SIGKILL);
  CHECK(sender.wait() == -1);
  REQUIRE(block_on(one.layer.group_send_confirmed("g", numbered(-1))));
  CHECK(eventually([&] { return ann.heard().ends_with(" -1") && bob.heard().ends_with(" -1"); }));
  CHECK(ann.heard() == bob.heard());  // what was sent was sent to everybody
  CHECK(ann.heard().starts_with("0 1 2 3 "));
  CHECK(one.layer.redis_stats().downs + two.layer.redis_stats().downs == 0);
}

TEST_CASE("the inbox of a killed process remains for a minute", "[redis][live][R-26][I-6]") {
  RedisServer server;
  RedisOptions options = at(server);
  options.process_capacity = 50;
  CoreProcess process(options);
  Guest& ann = process.guest_in("g");
  const std::string dead = "specific." + std::string(32, 'd') + "!g.1";
  (void)server.command({"ZADD", "asgi:group:g", to_text(unix_time()), dead});
  std::size_t full = 0;
  for (int i = 0; i < 60; ++i) full += block_on(process.layer.group_send_confirmed("g", numbered(i)))->full;
  CHECK(full == 10);
  CHECK(eventually([&] { return std::ranges::count(ann.heard(), ' ') == 59; }));
  const std::string inbox = "asgispecific." + std::string(32, 'd') + "!";
  CHECK(server.command({"ZCARD", inbox}).integer == 50);
  const auto left = server.command({"TTL", inbox}).integer;
  CHECK(left > 50);
  CHECK(left <= 60);
}
