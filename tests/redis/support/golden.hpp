// SPDX-License-Identifier: MIT
// The bytes that channels_redis itself wrote, from golden.json.
#pragma once

#include <string>
#include <string_view>

#include "sluice/json/document.hpp"

namespace sluice::SLUICE_ABI::redis {

/// The file's root; read once.
json::Value golden();
std::string from_hex(std::string_view hex);
std::string to_hex(std::string_view bytes);

}  // namespace sluice::SLUICE_ABI::redis
