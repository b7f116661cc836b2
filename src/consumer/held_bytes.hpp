// SPDX-License-Identifier: MIT
// The memory that the busy consumers of a process hold.
#pragma once

#include <atomic>
#include <cstddef>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// The bytes that are held now, and their limit; 0: any number. Any thread.
class HeldBytes {
 public:
  explicit HeldBytes(std::size_t most) noexcept : most_(most) {}

  void add(std::size_t bytes) noexcept { bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void subtract(std::size_t bytes) noexcept { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  bool too_many() const noexcept { return most_ > 0 && bytes() > most_; }
  /// True if the limit is exceeded by more than an eighth.
  bool far_too_many() const noexcept { return most_ > 0 && bytes() / 9 > most_ / 8; }

 private:
  const std::size_t most_;
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace sluice::SLUICE_ABI
