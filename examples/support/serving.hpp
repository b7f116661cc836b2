// SPDX-License-Identifier: MIT
// How the servers among the examples come and go: where they listen, and how they stop.
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "sluice/net/asio_server.hpp"
#include "sluice/net/passed_sockets.hpp"
#include "support/options.hpp"

struct Serving : Listen {
  bool reuse_port = false;
  std::size_t stop_window = 1;  // seconds

  sluice::StopOptions stop_options() const { return {.window = std::chrono::seconds(stop_window)}; }
};

/// The options of a server: those of Listen, --reuse-port and --stop-window.
class ServerOptions : public Options {
 public:
  ServerOptions(std::string about, Serving& serving) : Options(std::move(about), serving) {
    add("--reuse-port", serving.reuse_port, "others may listen at the same port, to take over for instance");
    add("--stop-window", serving.stop_window, "seconds over which clients are sent away at the end");
  }
};

/// Listens at the socket that systemd has passed, or else where the command line says, and announces it. With `tls`,
/// for wss:// and https://.
inline void start_listening(sluice::AsioServer& server, const Serving& serving,
                            const std::optional<sluice::TlsContext>& tls = std::nullopt) {
  const auto passed = sluice::passed_sockets();
  if (!passed) throw std::runtime_error(passed.error().message());
  if (passed->size() > 1) throw std::runtime_error("one socket is enough to listen at, and more were passed");
  const auto listen = [&](auto&&... with) {
    return passed->empty() ? server.listen(serving.host, serving.port, with...)
                           : server.listen_fd(passed->front().descriptor, with...);
  };
  const auto port = tls ? listen(*tls) : listen();
  if (!port) throw std::runtime_error(port.error().message());
  announce(serving.host, *port, tls ? "https" : "http");
}
