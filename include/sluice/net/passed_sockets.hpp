// SPDX-License-Identifier: MIT
// Sockets that another program has opened: systemd's socket activation and compatible programs.
#pragma once

#include <string>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/result.hpp"

namespace sluice::SLUICE_ABI {

/// A descriptor that the program was started with. A value; the code that uses it, such as AsioServer::listen_fd, owns
/// the descriptor.
struct PassedSocket {
  int descriptor = -1;
  std::string name;  // FileDescriptorName= of the systemd.socket(5) unit; "unknown" when there is none
};

/// The descriptors that were passed to this process as sd_listen_fds(3) says: LISTEN_FDS of them from 3 on, named by
/// LISTEN_FDNAMES, if LISTEN_PID is this process. They are kept from programs that this one starts. None were passed:
/// an empty list. Fails with invalid_argument when the variables contradict themselves, or a descriptor is not open.
///
///     const auto passed = passed_sockets();
///     if (!passed) return fail(passed.error().message());
///     for (const PassedSocket& socket : *passed) {
///       if (auto listening = server.listen_fd(socket.descriptor); !listening) return
///       fail(listening.error().message());
///     }
///     if (passed->empty()) ...  // server.listen("127.0.0.1", 8000)
///
/// Any thread, while none changes the environment.
SLUICE_API Result<std::vector<PassedSocket>> passed_sockets();

}  // namespace sluice::SLUICE_ABI
