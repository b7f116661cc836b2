// SPDX-License-Identifier: MIT
// Latencies, to about one and a half per cent each, in constant memory
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace load {

/// Counts of values in 64 steps per power of two. A value.
class Histogram {
 public:
  void add(std::uint64_t value) {
    ++counts_[bucket(value)];
    ++total_;
  }

  /// The value that this share of all is not above: quantile(0.99).
  double quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) return static_cast<double>(lower_end(i));
    }
    return 0;
  }

 private:
  static constexpr std::size_t steps = 64;

  static std::size_t bucket(std::uint64_t value) {
    if (value < steps) return value;
    const auto power = static_cast<std::size_t>(std::bit_width(value)) - 1;
    return (power - 5) * steps + ((value >> (power - 6)) & (steps - 1));
  }
  static std::uint64_t lower_end(std::size_t bucket) {
    const std::size_t power = bucket / steps, step = bucket % steps;
    return power == 0 ? step : std::uint64_t{steps + step} << (power - 1);
  }

  std::array<std::uint64_t, 60 * steps> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace load
