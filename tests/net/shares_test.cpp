// SPDX-License-Identifier: MIT
// One client has its share of the executor, however it makes work.
#include <algorithm>
#include <functional>
#include <future>
#include <string>

#include "net/support/served.hpp"
#include "sluice/ws/deflate.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;
using ws::Opcode;

namespace {

constexpr std::string_view offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

std::string compressed(std::string_view text) {
  std::string payload;
  ws::Deflater(15, 9, 8).deflate(text, payload);
  return raw_frame(0xc1, payload);
}

AsioServerOptions with(const std::function<void(ServerLimits&)>& change) {
  AsioServerOptions options;
  change(options.limits);
  return options;
}

}  // namespace

TEST_CASE("a compressed message counts in the byte rate as what comes out of it", "[net]") {
  Served served(with([](ServerLimits& limits) { limits.byte_rate = {10'000'000, 100'000}; }));
  auto client = served.connect();
  client.upgrade("/", offer);
  client.send(compressed(std::string(500'000, 'a')));
  CHECK(client.hear().starts_with("compressed text "));
  CHECK(served.server.stats().bytes_in < 2'000);
  CHECK(served.server.stats().throttled == 1);
}

TEST_CASE("large messages are delivered in turns with those of other connections", "[net]") {
  Served served(with([](ServerLimits& limits) { limits.byte_rate = {}; }));
  auto bomber = served.connect();
  bomber.upgrade("/bomber", offer);
  auto other = served.enter("/other");
  std::promise<void> other_has_spoken;
  served.gateway.when_said = [spoken = other_has_spoken.get_future().share()](Door&, Message) { spoken.wait(); };
  std::string bombs;
  for (int i = 0; i < 20; ++i) bombs += compressed(std::string(1 << 20, 'a'));
  bomber.send(bombs);
  REQUIRE(served.gateway.heard.has("said " + std::string(100, 'a')));
  other.say("me too");
  other_has_spoken.set_value();
  REQUIRE(served.gateway.heard.has("said me too"));
  const auto lines = served.gateway.heard.lines();
  const auto mine = std::ranges::find(lines, "said me too") - lines.begin();
  CHECK(mine <= 6);  // two lines say who has come
}

TEST_CASE("the frames of a message count in the message rate", "[net]") {
  Served served(with([](ServerLimits& limits) {
    limits.message_rate = {1, 500};
    limits.rate_excess = RateExcess::close;
  }));
  const auto in_frames = [](int frames) {
    std::string message = client_frame(Opcode::text, "x", false);
    for (int i = 2; i < frames; ++i) message += client_frame(Opcode::continuation, "x", false);
    return message + client_frame(Opcode::continuation, "x");
  };
  auto client = served.enter();
  client.send(in_frames(400));
  CHECK(client.hear() == "text " + std::string(400, 'x'));
  client.send(in_frames(400));
  CHECK(client.hear() == "close 1008 too fast");
}
