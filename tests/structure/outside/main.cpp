// SPDX-License-Identifier: MIT
#include <cstdio>

#include "sluice/core/close_reason.hpp"
#include "sluice/core/task.hpp"

sluice::Task<int> answer() { co_return 42; }

int main() {
  auto task = answer();
  const bool done = task.start({});
  std::puts(done ? "it links" : "it waits");
}
