// SPDX-License-Identifier: MIT
// What sd_listen_fds(3) puts into the environment. No system call.
#pragma once

#include <vector>

#include "sluice/net/passed_sockets.hpp"

namespace sluice::SLUICE_ABI::net {

/// The variables as getenv gives them: null for none. A value.
struct ListenVariables {
  const char* pid = nullptr;
  const char* fds = nullptr;
  const char* fd_names = nullptr;

  /// What they say to the process `self`.
  Result<std::vector<PassedSocket>> read(long self) const;
};

}  // namespace sluice::SLUICE_ABI::net
