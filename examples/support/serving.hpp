// SPDX-License-Identifier: MIT
// How the servers among the examples come and go: where they listen, and how they stop.
#pragma once

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>

#include "sluice/net/asio_server.hpp"
#include "sluice/net/passed_sockets.hpp"
#include "sluice/net/signals.hpp"
#include "support/options.hpp"

struct Serving : Listen {
  bool reuse_port = false;
  std::size_t stop_window = 1;   // seconds
  std::string certificate, key;  // PEM files; none: it speaks in the clear
  std::string origins;           // with commas; for origin_check()
  bool any_host = false;         // for allowed_hosts()

  /// The command line of a server that has no options of its own.
  static Serving from(std::string about, int argc, char** argv);
  sluice::StopOptions stop_options() const { return {.window = std::chrono::seconds(stop_window)}; }
};

/// The options of a server: those of Listen, --reuse-port, --stop-window, --tls-certificate and --tls-key.
class ServerOptions : public Options {
 public:
  ServerOptions(std::string about, Serving& serving) : Options(std::move(about), serving) {
    add("--reuse-port", serving.reuse_port, "others may listen at the same port, to take over for instance");
    add("--stop-window", serving.stop_window, "seconds over which clients are sent away at the end");
    add("--tls-certificate", serving.certificate, "speak TLS: a PEM file, the certificate and those behind it");
    add("--tls-key", serving.key, "its key, a PEM file");
  }
};

inline Serving Serving::from(std::string about, int argc, char** argv) {
  Serving serving;
  ServerOptions(std::move(about), serving).parse(argc, argv);
  return serving;
}

/// Listens at the socket that systemd has passed, or else where the command line says, and announces it.
inline void start_listening(sluice::AsioServer& server, const Serving& serving) {
  const auto passed = sluice::passed_sockets();
  if (!passed) throw std::runtime_error(passed.error().message());
  if (passed->size() > 1) throw std::runtime_error("one socket is enough to listen at, and more were passed");
  if (serving.certificate.empty()) {
    const auto port =
        passed->empty() ? server.listen(serving.host, serving.port) : server.listen_fd(passed->front().descriptor);
    if (!port) throw std::runtime_error(port.error().message());
    return announce(serving.host, *port);
  }
  const auto tls = sluice::TlsContext::from_files(serving.certificate, serving.key);
  if (!tls) throw std::runtime_error(tls.error().message());
  const auto port = passed->empty() ? server.listen(serving.host, serving.port, *tls)
                                    : server.listen_fd(passed->front().descriptor, *tls);
  if (!port) throw std::runtime_error(port.error().message());
  announce(serving.host, *port, "https");
}

/// Listens, serves until SIGINT or SIGTERM, and stops in good order. Returns what main() returns.
inline int serve(sluice::AsioServer& server, const Serving& serving) try {
  sluice::StopSignals signals;
  start_listening(server, serving);
  signals.wait();
  server.stop(serving.stop_options());
  server.wait();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
