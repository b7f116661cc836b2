// SPDX-License-Identifier: MIT
// For the few steps of a server that cannot be postponed.
#pragma once

#include <chrono>
#include <thread>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::net {

/// Runs it again every millisecond until it does not throw: until there is memory for it. The thread waits meanwhile. A
/// `work` that throws has changed nothing.
template <class Work>
void insist(Work work) noexcept {
  for (;;) {
    try {
      return work();
    } catch (...) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

}  // namespace sluice::SLUICE_ABI::net
