// SPDX-License-Identifier: MIT
// Waits for what another thread or another process does.
#pragma once

#include <chrono>
#include <thread>

namespace sluice::test {

/// A machine that runs many tests at once may take so long for what takes milliseconds.
inline constexpr std::chrono::seconds patience{60};

/// True as soon as `holds()` is true; false if it still is not after `time`. Asks again each millisecond.
template <class Condition>
[[nodiscard]] bool eventually(Condition holds, std::chrono::milliseconds time = patience) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// False as soon as `holds()` is false; true if it was true all of `time`.
template <class Condition>
[[nodiscard]] bool stays(Condition holds, std::chrono::milliseconds time) {
  return !eventually([&] { return !holds(); }, time);
}

}  // namespace sluice::test
