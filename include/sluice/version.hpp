// SPDX-License-Identifier: MIT
// The version of CMakeLists.txt once more: a test compares them.
#pragma once

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

inline constexpr int version_major = 0;
inline constexpr int version_minor = 1;
inline constexpr int version_patch = 0;
inline constexpr const char* version = "0.1.0";

}  // namespace sluice::SLUICE_ABI
