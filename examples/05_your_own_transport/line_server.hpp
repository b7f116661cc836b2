// SPDX-License-Identifier: MIT
// Listens for clients that speak lines.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "line_connection.hpp"
#include "poll_loop.hpp"
#include "sluice/transport/gateway.hpp"
#include "sluice/transport/limits.hpp"

/// Accepts clients and deals them out to the loops. The loops and the gateway outlive it, and stop() comes before the
/// end. Any thread.
class LineServer {
 public:
  LineServer(PollLoops& loops, sluice::Gateway& gateway, sluice::ServerLimits limits = {});
  LineServer(const LineServer&) = delete;
  LineServer& operator=(const LineServer&) = delete;
  ~LineServer();

  /// Listens on an address or a host name, and returns the port. Call once. Throws std::runtime_error.
  std::uint16_t listen(const std::string& host, std::uint16_t port);
  /// Accepts nobody any more, closes everyone with 1012, and waits until they are gone.
  void stop();

 private:
  class Door;
  struct Client {
    PollLoop& loop;
    std::weak_ptr<LineConnection> connection;
  };

  void welcome(int socket, std::string client_address);
  void gone(std::size_t number);

  PollLoops& loops_;
  sluice::Gateway& gateway_;
  const sluice::ServerLimits limits_;
  int listening_ = -1;

  std::mutex mutex_;
  std::condition_variable all_gone_;
  bool stopping_ = false;
  std::size_t welcomed_ = 0;
  std::map<std::size_t, Client> clients_;  // who is here, by the number they came as
};
