// SPDX-License-Identifier: MIT
// A message of the layer, or the part of it that one host gets.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "redis/codec/serializer.hpp"
#include "sluice/layer/bus.hpp"

namespace sluice::SLUICE_ABI::redis {

/// One key that gets a message, and for whom it is there.
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
