// SPDX-License-Identifier: MIT
// Policies for broadcasts to a slow client, and the report of a gap.
#pragma once

#include <cstdint>
#include <string>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// The policy for a group's broadcasts to a slow client, which has more than ConsumerLimits::slow_bytes queued.
/// Messages that are not dropped wait, up to ConsumerLimits::backlog_bytes and backlog_messages, and are sent in order.
enum class WhenSlow : std::uint8_t {
  close,        // all wait; past ConsumerLimits::queued_bytes the connection closes with 1013 "too slow" (the default)
  drop_newest,  // past the bounds the group sends nothing until the client has caught up
  drop_oldest,  // past the bounds the oldest are dropped
  keep_latest,  // only the newest of each payload's key waits; past the bounds as drop_oldest
};

/// The messages of a group that a slow client missed. A value.
struct Gap {
  std::string group;
  std::uint64_t dropped = 0;     // lost
  std::uint64_t superseded = 0;  // replaced by a newer one with the same key
};

}  // namespace sluice::SLUICE_ABI
