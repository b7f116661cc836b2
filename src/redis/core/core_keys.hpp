// SPDX-License-Identifier: MIT
// Finds the core layer's keys in Redis.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/result.hpp"
#include "sluice/core/task.hpp"

namespace sluice::SLUICE_ABI::redis {

class RedisContext;

/// True for the key of a group, of a channel, or of a Django process's messages in progress.
bool is_key_of_core(std::string_view prefix, std::string_view key);
/// The names of all groups.
Task<Result<std::vector<std::string>>> groups_of_core(RedisContext& redis);
/// Removes them all, in pieces, so that Redis serves others in between (redis-wire R-29).
Task<Result<void>> flush_core(RedisContext& redis);

}  // namespace sluice::SLUICE_ABI::redis
