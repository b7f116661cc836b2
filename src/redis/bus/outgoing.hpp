// SPDX-License-Identifier: MIT
// A message of the layer, or its part for one host.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "redis/codec/serializer.hpp"
#include "sluice/layer/bus.hpp"

namespace sluice::SLUICE_ABI::redis {

/// The call that made it.
inline std::string_view name_of(BusTarget to) noexcept { return to == BusTarget::group ? "group_send" : "send"; }

/// One key that gets a message, and the recipients behind it.
struct Target {
  std::string key;
  std::size_t capacity;
  Addressing addressing;
  std::vector<std::string> channels;
};

struct Outgoing {
  std::shared_ptr<BusMessage> message;
  std::vector<Target> targets = {};  // none: a group's members are still to be looked up
};

inline BusMessage& message_of(const Outgoing& outgoing) noexcept { return *outgoing.message; }

}  // namespace sluice::SLUICE_ABI::redis
