// SPDX-License-Identifier: MIT
// What the in-process benchmarks share: the fastest of several rounds, in nanoseconds per operation.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>

namespace bench {

/// Keeps the compiler from computing less than was written.
template <class T>
inline void keep(T&& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

/// Runs `round()`, which does `operations` of them, until it has run 7 times; the fastest round is the one that was
/// disturbed least.
template <class F>
double nanoseconds_per(std::size_t operations, F round) {
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i < 7; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    round();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count() / static_cast<double>(operations));
  }
  return best;
}

}  // namespace bench
