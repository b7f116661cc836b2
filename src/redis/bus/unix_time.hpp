// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::redis {

/// The wall clock, which all senders and Redis share (redis-wire R-32).
inline double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace sluice::SLUICE_ABI::redis
