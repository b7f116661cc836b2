// SPDX-License-Identifier: MIT
// Events that throw: it ends one connection, and the others are served.
#include <stdexcept>
#include <string>

#include "net/support/served.hpp"
#include "sluice/core/log.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

class Silence {
 public:
  Silence() : before_(set_log_sink({})) {}
  ~Silence() { set_log_sink(std::move(before_)); }

 private:
  LogSink before_;
};

}  // namespace

TEST_CASE("events that throw end their own connection, and their executor serves the others", "[net]") {
  const Silence silence;
  Served served;
  served.gateway.when_said = [](Door& door, Message message) {
    if (message.data() == "bad") throw std::runtime_error("on_message");
    if (message.data() == "worse") throw 7;
    door.say(message.data());
  };
  served.gateway.when_stopped = [](Door&, const CloseReason&) { throw std::runtime_error("on_stop"); };
  auto good = served.connect();
  good.upgrade("/good");
  for (const char* what : {"bad", "worse"}) {
    auto bad = served.connect();
    bad.upgrade("/bad");
    bad.say("hello");
    CHECK(bad.hear() == "text hello");
    bad.say(what);
    CHECK(bad.hear() == "close 1011");
    good.say("hello");
    CHECK(good.hear() == "text hello");
  }
  served.server.stop({.window = std::chrono::milliseconds(0), .grace = std::chrono::seconds(5)});
  CHECK(good.hear() == "close 1011");
}
