// SPDX-License-Identifier: MIT
// Ctrl-C for examples and small programs.
#pragma once

namespace sluice {

/// Blocks until the process is told to end, by SIGINT or SIGTERM, and returns which it was. Until this call the two do
/// what they did before. One thread at a time.
int wait_for_signal();

}  // namespace sluice
