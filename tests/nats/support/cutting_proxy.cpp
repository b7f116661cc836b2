// SPDX-License-Identifier: MIT
#include "nats/support/cutting_proxy.hpp"

#include "nats/support/loopback_socket.hpp"
#include "sluice/abi.hpp"

#include <algorithm>
#include <tuple>

namespace sluice::SLUICE_ABI::nats {
namespace {

constexpr int tick = 20;  // milliseconds, after which the thread looks whether it is to end

}  // namespace

CuttingProxy::CuttingProxy(std::uint16_t to) : to_(to) {
  std::tie(listener_, port_) = listening_socket();
  thread_ = std::thread([this] { run(); });
}

CuttingProxy::~CuttingProxy() {
  over_ = true;
  thread_.join();
  close(listener_);
}

void CuttingProxy::cut_after(std::size_t bytes) {
  relayed_ = 0;
  cut_after_ = bytes;
}

void CuttingProxy::run() {
  while (!over_) {
    const int client = accept_soon(listener_);
    if (client < 0) continue;
    relay(client);
    close(client);
  }
}

void CuttingProxy::relay(int client) {
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(to_);
  bool open = connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  while (open && !over_) {
    pollfd both[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    if (poll(both, 2, tick) <= 0) continue;
    open = (!both[0].revents || forward(client, server)) && (!both[1].revents || forward(server, client));
  }
  close(server);
}

// False: the connection ends.
bool CuttingProxy::forward(int from, int to) {
  const std::size_t left = cut_after_ - relayed_;
  char bytes[65536];
  const ssize_t read = recv(from, bytes, std::min(sizeof bytes, left), 0);
  if (read <= 0) return false;
  if (send(to, bytes, static_cast<std::size_t>(read), MSG_NOSIGNAL) != read) return false;
  relayed_ += static_cast<std::size_t>(read);
  if (relayed_ < cut_after_) return true;
  cut_after_ = never;
  return false;
}

}  // namespace sluice::SLUICE_ABI::nats
