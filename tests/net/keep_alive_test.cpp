// SPDX-License-Identifier: MIT
#include "net/limits/keep_alive.hpp"

#include <set>
#include <string>

#include "support/catch.hpp"

using namespace sluice;
using namespace std::chrono_literals;
using net::KeepAlive;
using net::Tick;
using Verdict = KeepAlive::Verdict;

namespace {

ServerLimits limits_with(std::chrono::milliseconds ping_every, std::chrono::milliseconds pong_time) {
  ServerLimits limits;
  limits.ping_every = ping_every;
  limits.pong_time = pong_time;
  return limits;
}

// The life of one connection on a clock that jumps from one check to the next, as a shard's does.
class Life {
 public:
  explicit Life(const ServerLimits& limits, Tick begin = 0, std::uint32_t chance = 0)
      : limits_(limits), begin_(begin), now_(begin) {
    keep_alive.begin(limits_, now_, chance);
  }

  /// Runs until `end` after the beginning, or until the connection ends. Returns the events: "ping 25000, timed out
  /// 45000".
  std::string until(std::chrono::milliseconds end) {
    std::string events;
    const auto add = [&](const std::string& what) {
      if (!events.empty()) events += ", ";
      events += what + " " + std::to_string(Tick(now_ - begin_));
    };
    for (;;) {
      const auto wait = keep_alive.next_check(limits_, now_);
      if (!wait || age() + *wait > end) break;
      now_ += static_cast<Tick>(wait->count());
      switch (keep_alive.check(limits_, now_)) {
        case Verdict::alive: break;
        case Verdict::ping_due: add("ping"); break;
        case Verdict::timed_out: add("timed out"); return events;
        case Verdict::idle: add("idle"); return events;
        case Verdict::expired: add("expired"); return events;
      }
    }
    now_ = begin_ + static_cast<Tick>(end.count());
    return events;
  }
  Tick now() const noexcept { return now_; }
  std::chrono::milliseconds age() const noexcept { return std::chrono::milliseconds(Tick(now_ - begin_)); }

  KeepAlive keep_alive;

 private:
  const ServerLimits limits_;
  const Tick begin_;
  Tick now_;
};

}  // namespace

TEST_CASE("a silent peer is sent one ping, and times out without an answer", "[net]") {
  for (const Tick begin : {Tick(0), Tick(UINT32_MAX - 10'000), Tick(UINT32_MAX / 2)}) {
    Life life(limits_with(25s, 20s), begin);
    CHECK(life.until(10min) == "ping 25000, timed out 45000");
  }
}

TEST_CASE("any byte of the peer postpones the ping", "[net]") {
  Life life(limits_with(25s, 20s));
  CHECK(life.until(24s) == "");
  life.keep_alive.on_bytes(life.now());
  CHECK(life.until(48s) == "");
  CHECK(life.until(60s) == "ping 49000");
  life.keep_alive.on_bytes(life.now());  // the pong, or anything else
  CHECK(life.until(84s) == "");
  CHECK(life.until(10min) == "ping 85000, timed out 105000");
}

TEST_CASE("pings are sent in time also where pong_time is longer than ping_every", "[net]") {
  Life life(limits_with(10s, 60s));
  CHECK(life.until(10s) == "ping 10000");
  life.keep_alive.on_bytes(life.now());
  CHECK(life.until(5min) == "ping 20000, timed out 80000");
}

TEST_CASE("sent messages do not prove that the peer is alive", "[net]") {
  Life life(limits_with(25s, 20s));
  std::string events;
  for (auto at = 1s; at < 60s && !events.ends_with("timed out 45000"); at += 1s) {
    const auto more = life.until(at);
    if (!more.empty()) events += (events.empty() ? "" : ", ") + more;
    life.keep_alive.on_message(life.now());
  }
  CHECK(events == "ping 25000, timed out 45000");
}

TEST_CASE("a peer has its whole pong_time also after a late check", "[net]") {
  const ServerLimits limits = limits_with(25s, 20s);
  KeepAlive keep_alive;
  keep_alive.begin(limits, 0, 0);
  CHECK(keep_alive.check(limits, 300'000) == Verdict::ping_due);
  CHECK(keep_alive.next_check(limits, 300'000) == 20s);
  CHECK(keep_alive.check(limits, 319'999) == Verdict::alive);
  CHECK(keep_alive.check(limits, 320'000) == Verdict::timed_out);
}

TEST_CASE("pings may need no answer, or not be sent at all", "[net]") {
  CHECK(Life(limits_with(25s, 0s)).until(80s) == "ping 25000, ping 50000, ping 75000");
  CHECK(Life(limits_with(0s, 20s)).until(24h) == "");
  KeepAlive keep_alive;
  const ServerLimits none = limits_with(0s, 0s);
  keep_alive.begin(none, 0, 0);
  CHECK_FALSE(keep_alive.next_check(none, 0));
}

TEST_CASE("a connection without messages is idle although it answers pings", "[net]") {
  ServerLimits limits = limits_with(25s, 20s);
  limits.idle_time = 60s;
  Life life(limits);
  CHECK(life.until(25s) == "ping 25000");
  life.keep_alive.on_bytes(life.now());
  CHECK(life.until(50s) == "ping 50000");
  life.keep_alive.on_bytes(life.now());
  life.keep_alive.on_message(life.now());
  CHECK(life.until(75s) == "ping 75000");
  life.keep_alive.on_bytes(life.now());
  CHECK(life.until(100s) == "ping 100000");
  life.keep_alive.on_bytes(life.now());
  CHECK(life.until(10min) == "idle 110000");
}

TEST_CASE("a lifetime ends in spite of messages, and is up to an eighth shorter at random", "[net]") {
  ServerLimits limits = limits_with(0s, 0s);
  limits.lifetime = 1h;
  CHECK(Life(limits, 0, 0).until(2h) == "expired 3600000");
  CHECK(Life(limits, UINT32_MAX - 5, 0).until(2h) == "expired 3600000");
  CHECK(Life(limits, 0, UINT32_MAX).until(2h) == "expired 3150001");
  std::set<std::string> ends;
  for (std::uint32_t i = 0; i < 100; ++i) ends.insert(Life(limits, 0, i * (UINT32_MAX / 100)).until(2h));
  CHECK(ends.size() == 100);
}

TEST_CASE("the longest times are not mistaken for the past", "[net]") {
  ServerLimits limits = limits_with(net::longest_tick_time / 2, net::longest_tick_time / 2);
  Life life(limits, 12345);
  CHECK(life.until(40 * 24h) ==
        "ping " + std::to_string(12 * 86'400'000u) + ", timed out " + std::to_string(24 * 86'400'000u));
}

TEST_CASE("a late pong is waited for while the peer's TCP takes bytes", "[net]") {
  net::LatePong late;
  // The first look has nothing to compare with: a recent acknowledgement is enough.
  CHECK(late.can_come({.unacknowledged = 5000, .acknowledged = 1000, .since_ack = 19s}, 20s));
  CHECK(late.can_come({.unacknowledged = 4000, .acknowledged = 2000, .since_ack = 19s}, 20s));
  // A window probe is acknowledged, but takes no byte.
  CHECK_FALSE(late.can_come({.unacknowledged = 4000, .acknowledged = 2000, .since_ack = 0s}, 20s));
}

TEST_CASE("an old acknowledgement does not excuse a late pong", "[net]") {
  CHECK_FALSE(net::LatePong().can_come({.unacknowledged = 5000, .acknowledged = 1000, .since_ack = 20s}, 20s));
  CHECK_FALSE(net::LatePong().can_come({.unacknowledged = 0, .acknowledged = 1000, .since_ack = 10s}, 20s));
  CHECK(net::LatePong().can_come({.unacknowledged = 0, .acknowledged = 1000, .since_ack = 9s}, 20s));
}

TEST_CASE("once all bytes are acknowledged, only a recent window update excuses a late pong", "[net]") {
  net::LatePong late;
  CHECK(late.can_come({.unacknowledged = 100, .acknowledged = 1000, .since_ack = 1s}, 20s));
  CHECK(late.can_come({.unacknowledged = 0, .acknowledged = 1100, .since_ack = 19s}, 20s));  // the last bytes just left
  CHECK(late.can_come({.unacknowledged = 0, .acknowledged = 1100, .since_ack = 9s}, 20s));   // the peer's program reads
  CHECK_FALSE(late.can_come({.unacknowledged = 0, .acknowledged = 1100, .since_ack = 29s}, 20s));
}
