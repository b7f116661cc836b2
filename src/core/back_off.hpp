// SPDX-License-Identifier: MIT
// How long to wait before the next attempt: twice as long each time, and never all processes at the same moment.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// Waiting times that double from `least` to `most`, each shortened by up to a half at random. One thread at a time.
class BackOff {
 public:
  BackOff(std::chrono::milliseconds least, std::chrono::milliseconds most, unsigned seed = std::random_device()())
      : least_(least), most_(most), next_(least), random_(seed) {}

  std::chrono::milliseconds next() {
    const auto time = next_;
    next_ = std::min(most_, next_ * 2);
    return std::chrono::milliseconds(
        std::uniform_int_distribution<std::chrono::milliseconds::rep>(time.count() / 2, time.count())(random_));
  }
  void reset() { next_ = least_; }

 private:
  const std::chrono::milliseconds least_;
  const std::chrono::milliseconds most_;
  std::chrono::milliseconds next_;
  std::minstd_rand random_;
};

}  // namespace sluice::SLUICE_ABI
