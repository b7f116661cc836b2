// SPDX-License-Identifier: MIT
#include "net/validity.hpp"

#include <set>
#include <string>

#include "support/catch.hpp"

using namespace sluice;
using namespace std::chrono_literals;
using net::Tick;
using net::Validity;
using Verdict = Validity::Verdict;

namespace {

Limits limits_with(std::chrono::milliseconds ping_every, std::chrono::milliseconds pong_time) {
  Limits limits;
  limits.ping_every = ping_every;
  limits.pong_time = pong_time;
  return limits;
}

// A connection's life by hand: the clock goes from one rest to the next, as a shard's does.
class Life {
 public:
  explicit Life(const Limits& limits, Tick begin = 0, std::uint32_t chance = 0)
      : limits_(limits), begin_(begin), now_(begin) {
    validity.begin(limits_, now_, chance);
  }

  /// Lives until this long after its beginning, or its end, and says what happened: "ping 25000, timed out 45000".
  std::string until(std::chrono::milliseconds end) {
    std::string story;
    const auto add = [&](const std::string& what) {
      if (!story.empty()) story += ", ";
      story += what + " " + std::to_string(Tick(now_ - begin_));
    };
    for (;;) {
      const auto rest = validity.rest(limits_, now_);
      if (!rest || age() + *rest > end) break;
      now_ += static_cast<Tick>(rest->count());
      switch (validity.judge(limits_, now_)) {
        case Verdict::stands: break;
        case Verdict::ping: add("ping"); break;
        case Verdict::timed_out: add("timed out"); return story;
        case Verdict::idle: add("idle"); return story;
        case Verdict::too_old: add("too old"); return story;
      }
    }
    now_ = begin_ + static_cast<Tick>(end.count());
    return story;
  }
  Tick now() const noexcept { return now_; }
  std::chrono::milliseconds age() const noexcept { return std::chrono::milliseconds(Tick(now_ - begin_)); }

  Validity validity;

 private:
  const Limits limits_;
  const Tick begin_;
  Tick now_;
};

}  // namespace

TEST_CASE("a peer that says nothing is sent one ping, and has vanished when it does not answer", "[net]") {
  for (const Tick begin : {Tick(0), Tick(UINT32_MAX - 10'000), Tick(UINT32_MAX / 2)}) {
    Life life(limits_with(25s, 20s), begin);
    CHECK(life.until(10min) == "ping 25000, timed out 45000");
  }
}

TEST_CASE("any bytes prove that a peer lives, and put the ping off", "[net]") {
  Life life(limits_with(25s, 20s));
  CHECK(life.until(24s) == "");
  life.validity.heard(life.now());
  CHECK(life.until(48s) == "");
  CHECK(life.until(60s) == "ping 49000");
  life.validity.heard(life.now());  // the pong, or anything else
  CHECK(life.until(84s) == "");
  CHECK(life.until(10min) == "ping 85000, timed out 105000");
}

TEST_CASE("pings come in time also where a peer may answer late", "[net]") {
  Life life(limits_with(10s, 60s));
  CHECK(life.until(10s) == "ping 10000");
  life.validity.heard(life.now());
  CHECK(life.until(5min) == "ping 20000, timed out 80000");
}

TEST_CASE("what we say proves nothing", "[net]") {
  Life life(limits_with(25s, 20s));
  std::string story;
  for (auto at = 1s; at < 60s && !story.ends_with("timed out 45000"); at += 1s) {
    const auto more = life.until(at);
    if (!more.empty()) story += (story.empty() ? "" : ", ") + more;
    life.validity.spoke(life.now());
  }
  CHECK(story == "ping 25000, timed out 45000");
}

TEST_CASE("when we look late, the peer still has its time to answer", "[net]") {
  const Limits limits = limits_with(25s, 20s);
  Validity validity;
  validity.begin(limits, 0, 0);
  CHECK(validity.judge(limits, 300'000) == Verdict::ping);
  CHECK(validity.rest(limits, 300'000) == 20s);
  CHECK(validity.judge(limits, 319'999) == Verdict::stands);
  CHECK(validity.judge(limits, 320'000) == Verdict::timed_out);
}

TEST_CASE("pings may need no answer, or not be sent at all", "[net]") {
  CHECK(Life(limits_with(25s, 0s)).until(80s) == "ping 25000, ping 50000, ping 75000");
  CHECK(Life(limits_with(0s, 20s)).until(24h) == "");
  Validity validity;
  const Limits none = limits_with(0s, 0s);
  validity.begin(none, 0, 0);
  CHECK_FALSE(validity.rest(none, 0));
}

TEST_CASE("a connection on which nothing is said is idle, though it answers pings", "[net]") {
  Limits limits = limits_with(25s, 20s);
  limits.idle_time = 60s;
  Life life(limits);
  CHECK(life.until(25s) == "ping 25000");
  life.validity.heard(life.now());
  CHECK(life.until(50s) == "ping 50000");
  life.validity.heard(life.now());
  life.validity.spoke(life.now());
  CHECK(life.until(75s) == "ping 75000");
  life.validity.heard(life.now());
  CHECK(life.until(100s) == "ping 100000");
  life.validity.heard(life.now());
  CHECK(life.until(10min) == "idle 110000");
}

TEST_CASE("a lifetime ends, whatever is said, and takes up to an eighth less by chance", "[net]") {
  Limits limits = limits_with(0s, 0s);
  limits.lifetime = 1h;
  CHECK(Life(limits, 0, 0).until(2h) == "too old 3600000");
  CHECK(Life(limits, UINT32_MAX - 5, 0).until(2h) == "too old 3600000");
  CHECK(Life(limits, 0, UINT32_MAX).until(2h) == "too old 3150001");
  std::set<std::string> ends;
  for (std::uint32_t i = 0; i < 100; ++i) ends.insert(Life(limits, 0, i * (UINT32_MAX / 100)).until(2h));
  CHECK(ends.size() == 100);
}

TEST_CASE("the longest times can be told from the past", "[net]") {
  Limits limits = limits_with(net::longest_tick_time / 2, net::longest_tick_time / 2);
  Life life(limits, 12345);
  CHECK(life.until(40 * 24h) ==
        "ping " + std::to_string(12 * 86'400'000u) + ", timed out " + std::to_string(24 * 86'400'000u));
}
