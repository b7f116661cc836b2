// SPDX-License-Identifier: MIT
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::net {

/// Repeats the call until no signal interrupts it.
template <class Call>
ssize_t uninterrupted(Call call) noexcept {
  ssize_t result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

/// True if the last call failed only because it would block.
inline bool would_block() noexcept { return errno == EAGAIN || errno == EWOULDBLOCK; }

/// Opens an Asio socket or acceptor with close-on-exec: Asio's own open() does not, and a child process would keep the
/// connection or port open.
template <class Socket>
void open_for_us_alone(Socket& socket, const typename Socket::protocol_type& protocol, std::error_code& error) {
  const int descriptor = ::socket(protocol.family(), protocol.type() | SOCK_CLOEXEC, protocol.protocol());
  if (descriptor < 0) {
    error.assign(errno, std::generic_category());
    return;
  }
  try {
    socket.assign(protocol, descriptor, error);
  } catch (...) {
    ::close(descriptor);
    throw;
  }
  if (error) ::close(descriptor);
}

}  // namespace sluice::SLUICE_ABI::net
