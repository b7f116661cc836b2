// SPDX-License-Identifier: MIT
#include "net/limits/admission.hpp"

#include <vector>

#include "support/catch.hpp"

using sluice::net::Admission;

TEST_CASE("without limits every connection gets a slot", "[net][SC-13]") {
  Admission admission(0, 0);
  std::vector<Admission::ConnectionSlot> seats;
  for (int i = 0; i < 1000; ++i) {
    seats.push_back(admission.enter("a"));
    CHECK(seats.back());
  }
}

TEST_CASE("a full server accepts the next connection when a slot is free", "[net][SC-13]") {
  Admission admission(2, 0);
  auto first = admission.enter("a");
  auto second = admission.enter("b");
  CHECK_FALSE(admission.enter("c"));
  first = {};
  auto third = admission.enter("c");
  CHECK(third);
  CHECK_FALSE(admission.enter("d"));
  Admission::ConnectionSlot moved = std::move(third);
  CHECK_FALSE(admission.enter("d"));
}

TEST_CASE("an address gets as many slots as its limit", "[net][SC-13]") {
  Admission admission(4, 2);
  auto first = admission.enter("a");
  auto second = admission.enter("a");
  CHECK_FALSE(admission.enter("a"));
  auto other = admission.enter("b");
  CHECK(other);
  second.release();
  CHECK(admission.enter("a"));
  // A refusal for the address takes no seat of the server.
  auto again = admission.enter("a");
  CHECK_FALSE(admission.enter("a"));
  CHECK(admission.enter("b"));
}

TEST_CASE("a slot moves to the client behind a proxy", "[net][SC-13]") {
  Admission admission(3, 1);
  auto first = admission.enter("");
  auto second = admission.enter("");
  CHECK(first.move_to("a"));
  CHECK(first.move_to("a"));
  CHECK_FALSE(second.move_to("a"));
  CHECK(second);
  CHECK(second.move_to("b"));
  CHECK_FALSE(admission.enter("a"));
  CHECK(first.move_to("c"));
  CHECK(admission.enter("a"));
  Admission::ConnectionSlot none;
  CHECK(none.move_to("b"));
  CHECK_FALSE(none);
}
