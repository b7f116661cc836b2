// SPDX-License-Identifier: MIT
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::net {

/// Calls until no signal has come between.
template <class Call>
ssize_t uninterrupted(Call call) noexcept {
  ssize_t result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

/// Did the last call fail only because it would have had to wait?
inline bool would_block() noexcept { return errno == EAGAIN || errno == EWOULDBLOCK; }

/// Opens an Asio socket, or acceptor, that programs which this process starts do not hold: Asio's own open() lets them,
/// and a connection or a port that they hold does not end with us.
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
