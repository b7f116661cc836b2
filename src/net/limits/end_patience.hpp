// SPDX-License-Identifier: MIT
// How long the end of a connection waits for a slow peer. No socket, no clock.
#pragma once

#include <algorithm>
#include <cstddef>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::net {

/// Decides each time close_time has passed whether a peer still reads the bytes before the end. Progress earns more
/// time, but a byte now and then does not: each time the peer must take a 128th of the initial bytes, so that an end
/// takes at most 128 times close_time. One thread at a time.
class EndPatience {
 public:
  /// `left`: bytes that the peer has not taken yet.
  explicit EndPatience(std::size_t left) noexcept : left_(left), share_(left / most_waits + 1) {}

  /// True: the peer has taken its share since the last call.
  bool takes_share(std::size_t left) noexcept {
    const bool takes = left + share_ <= left_;
    left_ = std::min(left, left_);
    return takes;
  }

 private:
  static constexpr std::size_t most_waits = 128;

  std::size_t left_, share_;
};

}  // namespace sluice::SLUICE_ABI::net
