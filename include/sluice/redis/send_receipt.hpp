// SPDX-License-Identifier: MIT
// What became of an event that was sent through Redis.
#pragma once

#include <cstddef>

namespace sluice {

/// Where an event was put. A place is a process, whatever the number of its members, or a plain channel. A value.
struct SendReceipt {
  std::size_t reached = 0;  // places that took it; on the pub/sub layer, subscribers
  std::size_t full = 0;     // places that held their capacity already, and miss it

  friend bool operator==(const SendReceipt&, const SendReceipt&) = default;
};

}  // namespace sluice
