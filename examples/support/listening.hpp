// SPDX-License-Identifier: MIT
// A socket that listens, for programs that accept connections themselves.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include "support/options.hpp"

/// Listens at listen.host, an IPv4 address, and announces it. The socket does not block. Throws std::runtime_error.
inline int listening_socket(const Listen& listen) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(listen.port);
  socklen_t size = sizeof at;
  const int on = 1, made = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (::inet_pton(AF_INET, listen.host.c_str(), &at.sin_addr) != 1)
    throw std::runtime_error("--host is no IPv4 address");
  if (::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(made, reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(made, SOMAXCONN) != 0 ||
      ::getsockname(made, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
    throw std::runtime_error("listen at port " + std::to_string(listen.port) + ": " + std::strerror(errno));
  }
  announce(listen.host, ntohs(at.sin_port));
  return made;
}
