// SPDX-License-Identifier: MIT
#include "sluice/observe/histogram.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <stdexcept>

namespace sluice::SLUICE_ABI {

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds.begin(), bounds.end()), counts_(bounds.size() + 1) {
  if (!std::ranges::is_sorted(bounds_, std::less_equal())) {
    throw std::invalid_argument("Histogram: the bounds of its buckets must ascend");
  }
}

// Counters order nothing.
void Histogram::add(double value) noexcept {
  const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot taken{bounds_, {}, sum_.load(std::memory_order_relaxed)};
  taken.counts.reserve(counts_.size());
  for (const auto& count : counts_) taken.counts.push_back(count.load(std::memory_order_relaxed));
  return taken;
}

std::span<const double> Histogram::times() noexcept {
  static constexpr std::array bounds{0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1., 3., 10.};
  return bounds;
}

std::span<const double> Histogram::sizes() noexcept {
  static constexpr std::array bounds{1024., 4096., 16384., 65536., 262144., 1048576., 4194304., 16777216.};
  return bounds;
}

}  // namespace sluice::SLUICE_ABI
