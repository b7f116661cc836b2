// SPDX-License-Identifier: MIT
// The environment variables of sd_listen_fds(3). No system call.
#pragma once

#include <vector>

#include "sluice/net/passed_sockets.hpp"

namespace sluice::SLUICE_ABI::net {

/// The variables from getenv: null for none. A value.
struct ListenVariables {
  const char* pid = nullptr;
  const char* fds = nullptr;
  const char* fd_names = nullptr;

  /// The sockets that they pass to the process `self`.
  Result<std::vector<PassedSocket>> read(long self) const;
};

}  // namespace sluice::SLUICE_ABI::net
