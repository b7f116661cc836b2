// SPDX-License-Identifier: MIT
// Counters of a Redis bus beside those of every bus: written on its executor, read by any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::redis {

/// Any thread.
struct BusCounters {
  std::atomic<std::uint64_t> expired_waiting{0}, unconfirmed{0}, rejected{0}, received{0}, unreadable{0}, too_large{0},
      late_renewals{0};
  std::atomic<std::uint64_t> stored{0}, full{0}, expired{0}, no_channel{0};  // as LayerStats has them
};

inline void count(std::atomic<std::uint64_t>& counter, std::uint64_t more = 1) noexcept {
  counter.fetch_add(more, std::memory_order_relaxed);
}

}  // namespace sluice::SLUICE_ABI::redis
