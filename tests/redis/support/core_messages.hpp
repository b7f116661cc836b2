// SPDX-License-Identifier: MIT
// What a test puts into a core layer's inbox as if another process had.
#pragma once

#include <string>
#include <string_view>

#include "redis/support/golden.hpp"
#include "redis/support/tiny_world.hpp"
#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::redis {

/// The key of the process where the listener is.
inline std::string inbox_of(const Listener& listener) { return "asgi" + std::string(non_local_name(listener.name())); }

/// What Redis is given to store: the prefix of random bytes, then the message.
inline std::string member(std::string_view packed_in_hex) { return std::string(12, '\1') + from_hex(packed_in_hex); }

}  // namespace sluice::SLUICE_ABI::redis
