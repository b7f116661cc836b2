// SPDX-License-Identifier: MIT
// Sockets of 127.0.0.1 for servers that tests play.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <utility>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::nats {

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

/// A socket that listens, and the port that the system chose.
inline std::pair<int, std::uint16_t> listening_socket() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(listener, 16) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    throw std::runtime_error("no socket to listen at");
  }
  return {listener, ntohs(address.sin_port)};
}

/// The next client; -1: none came within 20 ms.
inline int accept_soon(int listener) {
  pollfd waiting{listener, POLLIN, 0};
  return poll(&waiting, 1, 20) > 0 ? accept4(listener, nullptr, nullptr, SOCK_CLOEXEC) : -1;
}

}  // namespace sluice::SLUICE_ABI::nats
