// SPDX-License-Identifier: MIT
#include "sluice/core/executor.hpp"

#include "sluice/testing/manual_executor.hpp"
#include "support/catch.hpp"

using namespace sluice;
using sluice::testing::ManualExecutor;

namespace {

struct Plain {
  int value = 1;
};
struct Knowing {
  explicit Knowing(Executor& home) : home(home) {}
  Executor& home;
};
struct Mourned {
  std::vector<Executor*>* seen = nullptr;
  ~Mourned() {
    if (seen) seen->push_back(Executor::current());
  }
};

}  // namespace

TEST_CASE("each executor has one local of a type, made when first asked for", "[core]") {
  ManualExecutor a, b;
  a.local<Plain>().value = 7;
  CHECK(a.local<Plain>().value == 7);
  CHECK(b.local<Plain>().value == 1);
  CHECK(&a.local<Knowing>().home == &a);
  CHECK(&a.local<Plain>() == &a.local<Plain>());
}

TEST_CASE("locals end with their executor, while it counts as running", "[core]") {
  std::vector<Executor*> seen;
  Executor* gone = nullptr;
  {
    ManualExecutor executor;
    gone = &executor;
    executor.local<Mourned>().seen = &seen;
  }
  CHECK(seen == std::vector<Executor*>{gone});
}

TEST_CASE("outside of any executor there is no current one", "[core]") {
  ManualExecutor executor;
  CHECK(Executor::current() == nullptr);
  CHECK_FALSE(executor.runs_here());
  executor.post([&] { CHECK(Executor::current() == &executor); });
  CHECK(executor.run_all() == 1);
  CHECK(Executor::current() == nullptr);
}
