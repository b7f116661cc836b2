// SPDX-License-Identifier: MIT
// The host of a name among several hosts, as in channels_redis.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::redis {

/// The host, from 0 to hosts - 1 (redis-wire R-4). Any thread.
std::size_t host_of(std::string_view name, std::size_t hosts) noexcept;

}  // namespace sluice::SLUICE_ABI::redis
