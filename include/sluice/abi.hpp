// SPDX-License-Identifier: MIT
// Which symbols the shared libraries show, and whose they are.
#pragma once

/// Marks what is public, and the little that one library takes from inside another: the rest of a shared library is
/// hidden.
#define SLUICE_API [[gnu::visibility("default")]]

/// The inline namespace of everything, for each minor version its own while the version is 0.x: two versions in one
/// process are two sets of symbols. Write `sluice::Consumer`; do not declare Sluice's names yourself, include them.
#define SLUICE_ABI inline v0_2
