// SPDX-License-Identifier: MIT
// The outcome of an event that was sent through a bus.
#pragma once

#include <cstddef>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// The places that took an event. On Redis a place is a process, whatever the number of its members, or a plain
/// channel. A value.
struct SendReceipt {
  std::size_t reached = 0;  // places that took it; on a bus that publishes, as many as it knows of
  std::size_t full = 0;     // places that held their capacity already, and miss it

  friend bool operator==(const SendReceipt&, const SendReceipt&) = default;
};

}  // namespace sluice::SLUICE_ABI
