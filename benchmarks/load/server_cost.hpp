// SPDX-License-Identifier: MIT
// What a server process has used so far: processor time and memory
#pragma once

#include <sys/types.h>

#include <vector>

namespace load {

/// All threads of the processes together. A value.
struct ServerCost {
  double cpu_seconds = 0;   // user and kernel, by the process's own clock
  double user_seconds = 0;  // in ticks of the kernel, coarse
  double memory_bytes = 0;  // anonymous: what the process has allocated
};

ServerCost cost_of(const std::vector<pid_t>& processes);

}  // namespace load
