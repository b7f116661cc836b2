// SPDX-License-Identifier: MIT
#include "sluice/core/use_count.hpp"

#include "support/catch.hpp"

using sluice::UseCount;

TEST_CASE("an owner that nobody uses any more ends in peace", "[core]") {
  UseCount count("the owner");
  UseCount::Use moved;
  {
    UseCount::Use use(count, "a user"), other(count, "a user");
    moved = std::move(use);
  }
  moved = UseCount::Use();
  count.end();
}
