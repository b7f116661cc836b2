// SPDX-License-Identifier: MIT
// The version of CMakeLists.txt once more, for the preprocessor and for programs: a test compares them.
#pragma once

#include "sluice/abi.hpp"

#define SLUICE_VERSION_MAJOR 0
#define SLUICE_VERSION_MINOR 2
#define SLUICE_VERSION_PATCH 0
/// 0.2.0 is 200, 1.4.2 is 10402: for `#if SLUICE_VERSION >= 200`.
#define SLUICE_VERSION (SLUICE_VERSION_MAJOR * 10000 + SLUICE_VERSION_MINOR * 100 + SLUICE_VERSION_PATCH)

namespace sluice::SLUICE_ABI {

inline constexpr int version_major = SLUICE_VERSION_MAJOR;
inline constexpr int version_minor = SLUICE_VERSION_MINOR;
inline constexpr int version_patch = SLUICE_VERSION_PATCH;
inline constexpr const char* version = "0.2.0";

}  // namespace sluice::SLUICE_ABI
