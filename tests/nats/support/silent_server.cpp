// SPDX-License-Identifier: MIT
#include "nats/support/silent_server.hpp"

#include <string_view>
#include <tuple>

#include "nats/support/loopback_socket.hpp"
#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::nats {

SilentServer::SilentServer() {
  std::tie(listener_, port_) = listening_socket();
  thread_ = std::thread([this] { run(); });
}

SilentServer::~SilentServer() {
  over_ = true;
  thread_.join();
  for (const int client : clients_) close(client);
  close(listener_);
}

void SilentServer::run() {
  constexpr std::string_view info =
      R"(INFO {"server_id":"silent","version":"2.9.10","proto":1,"max_payload":1048576,"tls_required":true})"
      "\r\n";
  while (!over_) {
    const int client = accept_soon(listener_);
    if (client < 0) continue;
    clients_.push_back(client);
    (void)!send(client, info.data(), info.size(), MSG_NOSIGNAL);
    ++accepted_;
  }
}

}  // namespace sluice::SLUICE_ABI::nats
