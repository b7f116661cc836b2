// SPDX-License-Identifier: MIT
// What becomes of broadcasts while a client does not take them, and how it is told.
#pragma once

#include <cstdint>
#include <string>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// What becomes of a group's broadcasts for a client that is slow: one that has not taken ConsumerLimits::slow_bytes of
/// what it was sent. What is not dropped waits, up to ConsumerLimits::backlog_bytes and backlog_messages, and follows
/// in its order.
enum class WhenSlow : std::uint8_t {
  close,        // all wait; past ConsumerLimits::queued_bytes the connection closes with 1013 "too slow" (the default)
  drop_newest,  // past the bounds the group is silent until the client has caught up
  drop_oldest,  // past the bounds the oldest give way
  keep_latest,  // of each payload's key the newest only; past the bounds as drop_oldest
};

/// What a client did not hear of a group, because it was slow. A value.
struct Gap {
  std::string group;
  std::uint64_t dropped = 0;     // lost
  std::uint64_t superseded = 0;  // gave way to a newer one of the same key, which was sent or counts itself as dropped
};

}  // namespace sluice::SLUICE_ABI
