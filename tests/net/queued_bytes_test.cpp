// SPDX-License-Identifier: MIT
#include "net/limits/queued_bytes.hpp"

#include "support/catch.hpp"

using namespace sluice::net;

TEST_CASE("adding too many queued bytes returns that the limit is exceeded", "[net]") {
  QueuedBytes queued(64'000, 2);
  QueuedBytes::Share first(queued, 0), second(queued, 1);
  CHECK_FALSE(first.change(0, 40'000));
  CHECK_FALSE(second.change(0, 24'000));
  CHECK(second.change(24'000, 25'000));
  CHECK_FALSE(first.change(40'000, 30'000));  // who shrinks it does not hear of it
  CHECK(queued.bytes() == 55'000);
  CHECK_FALSE(second.change(25'000, 30'000));
  CHECK(first.change(30'000, 40'000));
  CHECK(first.bytes() == 40'000);
}

TEST_CASE("small changes are not published, and the sum is off by less than a 64th of the limit", "[net]") {
  constexpr std::size_t limit = 640'000, shards = 4;
  QueuedBytes queued(limit, shards);
  QueuedBytes::Share share(queued, 0);
  std::size_t bytes = 0;
  int shown = 0;
  const auto apart = [](std::size_t a, std::size_t b) { return a > b ? a - b : b - a; };
  for (int i = 0; i < 5'000; ++i) {
    const std::size_t before = queued.bytes();
    share.change(bytes, bytes + 100);
    bytes += 100;
    if (queued.bytes() != before) ++shown;
    REQUIRE(apart(bytes, queued.bytes()) <= limit / 64 / shards);
  }
  CHECK(shown < 200);
  while (bytes > 0) {
    share.change(bytes, bytes - 100);
    bytes -= 100;
    REQUIRE(apart(bytes, queued.bytes()) <= limit / 64 / shards);
  }
}

TEST_CASE("without a limit no number of queued bytes is too much", "[net]") {
  QueuedBytes queued(0, 1);
  QueuedBytes::Share share(queued, 0);
  CHECK_FALSE(share.change(0, SIZE_MAX / 2));
}

TEST_CASE("the largest queues of all shards are closed first, and no more than needed", "[net]") {
  using Counts = std::vector<std::size_t>;
  const std::vector<QueueSizes> shards{{90, 10, 10}, {}, {80, 70, 5}};  // 265
  CHECK(largest_to_shed(shards, 265) == Counts{0, 0, 0});
  CHECK(largest_to_shed(shards, 264) == Counts{1, 0, 0});
  CHECK(largest_to_shed(shards, 175) == Counts{1, 0, 0});
  CHECK(largest_to_shed(shards, 174) == Counts{1, 0, 1});
  CHECK(largest_to_shed(shards, 30) == Counts{1, 0, 2});
  CHECK(largest_to_shed(shards, 0) == Counts{3, 0, 3});
  CHECK(largest_to_shed(std::vector<QueueSizes>{{}, {}}, 0) == Counts{0, 0});
  // An unread broadcast leaves queues of one size.
  CHECK(largest_to_shed(std::vector<QueueSizes>{QueueSizes(100, 10), QueueSizes(100, 10)}, 1'950) == Counts{0, 5});
}
