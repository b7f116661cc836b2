// SPDX-License-Identifier: MIT
#include "net/limits/end_patience.hpp"

#include "support/catch.hpp"

using sluice::net::EndPatience;

TEST_CASE("a peer that takes a 128th each time is waited for until it has taken all", "[net]") {
  EndPatience patience(128 * 100);
  for (std::size_t left = 128 * 100; left > 101; left -= 101) CHECK(patience.takes_share(left - 101));
}

TEST_CASE("a peer that takes less than its share is not waited for", "[net]") {
  EndPatience patience(128 * 100);
  CHECK_FALSE(patience.takes_share(128 * 100 - 100));
  CHECK_FALSE(patience.takes_share(128 * 100 - 200));  // the last share counts from the last call
}

TEST_CASE("new bytes for a peer neither count as progress nor undo it", "[net]") {
  EndPatience patience(1'000);
  CHECK_FALSE(patience.takes_share(2'000));
  CHECK(patience.takes_share(900));
}
