// SPDX-License-Identifier: MIT
// When a connection counts as deaf: decided from ticks, without sockets.
#include "redis/bus/echo_proof.hpp"

#include <string>

#include "support/catch.hpp"

using namespace sluice::redis;
using Step = EchoProof::Step;

namespace {

constexpr unsigned second = 4;  // in ticks

// Ticks until something is to be done; the number of ticks, and what.
struct Outcome {
  unsigned ticks;
  Step step;
  bool operator==(const Outcome&) const = default;
};
Outcome wait(EchoProof& proof, unsigned most, bool behind = false) {
  for (unsigned tick = 1; tick <= most; ++tick) {
    if (const Step step = proof.tick(behind); step != Step::wait) return {tick, step};
  }
  return {most, Step::wait};
}

}  // namespace

TEST_CASE("in silence one probe is sent in 28 seconds, and a lost one is found within 30", "[redis]") {
  EchoProof proof;
  for (int round = 0; round < 3; ++round) {
    CHECK(wait(proof, 1000) == Outcome{28 * second, Step::probe});
    const auto probe = proof.begin_probe();
    proof.accepted(probe);
    CHECK(proof.received_probe(probe));
  }
  CHECK(wait(proof, 1000) == Outcome{28 * second, Step::probe});
  proof.accepted(proof.begin_probe());
  CHECK(wait(proof, 1000) == Outcome{1 * second, Step::deaf});
}

TEST_CASE("own messages that come back count as proof, and no probe is sent", "[redis]") {
  EchoProof proof;
  for (int i = 0; i < 500; ++i) {
    REQUIRE(proof.tick(false) == Step::wait);
    REQUIRE(proof.wants_echo());
    const std::string message = "message " + std::to_string(i);
    const auto ticket = proof.watch(message);
    CHECK_FALSE(proof.wants_echo());
    if (i % 2) proof.accepted(ticket);  // the answer may come before the echo, or behind it
    proof.received("another");
    proof.received(message);
    proof.accepted(ticket);
  }
}

TEST_CASE("under traffic a message that does not come back is followed by a probe, and found within two seconds",
          "[redis]") {
  EchoProof proof;
  CHECK(proof.tick(false) == Step::wait);
  proof.accepted(proof.watch("a"));
  proof.received("b");
  const Outcome suspicion = wait(proof, 1000);
  CHECK(suspicion == Outcome{2, Step::probe});
  proof.accepted(proof.begin_probe());
  CHECK(wait(proof, 1000) == Outcome{4, Step::deaf});
  CHECK(1 + 2 + 4 < 2 * second);
}

TEST_CASE("a message counts as missing only after Redis has accepted it", "[redis]") {
  EchoProof proof;
  const auto probe = proof.begin_probe();
  CHECK(wait(proof, 1000) == Outcome{1000, Step::wait});
  proof.accepted(probe);
  CHECK(wait(proof, 1000) == Outcome{4, Step::deaf});
}

TEST_CASE("a refused probe proves nothing, and the next one has its time", "[redis]") {
  EchoProof proof;
  CHECK(wait(proof, 1000).step == Step::probe);
  proof.refused(proof.begin_probe());
  CHECK(wait(proof, 1000) == Outcome{28 * second, Step::probe});
}

TEST_CASE("a probe behind earlier data is waited for until that has arrived", "[redis]") {
  EchoProof proof;
  const auto probe = proof.begin_probe();
  proof.accepted(probe);
  CHECK(wait(proof, 100, true) == Outcome{100, Step::wait});
  SECTION("and is proof when it arrives") {
    CHECK(proof.received_probe(probe));
    CHECK(wait(proof, 100) == Outcome{100, Step::wait});
  }
  SECTION("and was lost when all of that has arrived without it") {
    CHECK(proof.missing() == probe);
    proof.caught_up(probe);
    CHECK(wait(proof, 100, true) == Outcome{1, Step::deaf});
  }
}

TEST_CASE("answers to an earlier probe or connection prove nothing", "[redis]") {
  EchoProof proof;
  const auto old = proof.begin_probe();
  proof.accepted(old);
  proof.reset();
  const auto young = proof.begin_probe();
  CHECK(old != young);
  CHECK_FALSE(proof.received_probe(old));
  proof.accepted(old);
  proof.caught_up(old);
  CHECK(wait(proof, 100) == Outcome{100, Step::wait});
  CHECK(proof.received_probe(young));
  CHECK_FALSE(proof.received_probe(young));
}

TEST_CASE("a message too large to compare is not watched", "[redis]") {
  EchoProof proof;
  (void)proof.tick(false);
  CHECK(proof.watch(std::string(EchoProof::most_watched + 1, 'x')) == 0);
  CHECK(proof.wants_echo());
}
