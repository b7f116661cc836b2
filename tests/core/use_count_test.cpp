// SPDX-License-Identifier: MIT
#include "sluice/core/use_count.hpp"

#include "support/catch.hpp"

using sluice::UseCount;

TEST_CASE("an owner without users may be destroyed", "[core]") {
  UseCount count("the owner");
  UseCount::Use moved;
  {
    UseCount::Use use(count, "a user"), other(count, "a user");
    moved = std::move(use);
  }
  moved = UseCount::Use();
  count.end();
}
