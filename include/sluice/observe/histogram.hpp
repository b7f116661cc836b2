// SPDX-License-Identifier: MIT
// How often a measured value lay between fixed bounds: times and sizes, for quantiles over many processes.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// Counts values in buckets. Its bounds never change, so histograms of several processes can be added up. To add a
/// value takes two atomic additions and no lock. Any thread.
class SLUICE_API Histogram {
 public:
  /// What it has counted. The counts may be of slightly different moments. A value.
  struct Snapshot {
    std::vector<double> bounds;         // upper ones, which belong to their buckets; the last bucket has none
    std::vector<std::uint64_t> counts;  // one more than bounds
    double sum = 0;                     // of all values
  };

  /// Throws std::invalid_argument unless the bounds ascend.
  explicit Histogram(std::span<const double> bounds);

  void add(double value) noexcept;
  /// In seconds.
  void add(std::chrono::nanoseconds time) noexcept { add(std::chrono::duration<double>(time).count()); }
  Snapshot snapshot() const;

  /// 10 microseconds to 10 seconds, in steps of about 3.
  static std::span<const double> times() noexcept;
  /// 1 KiB to 16 MiB, in steps of 4.
  static std::span<const double> sizes() noexcept;

 private:
  const std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

}  // namespace sluice::SLUICE_ABI
