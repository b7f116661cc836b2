// SPDX-License-Identifier: MIT
// Accepts WebSockets for a gateway, on loops that run poll(2).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

#include "poll_socket.hpp"

/// Gives each connection to the next loop. The loops and the gateway outlive it; stop() comes before the end. Any
/// thread.
class PollServer {
 public:
  PollServer(PollLoops& loops, sluice::Gateway& gateway, sluice::ServerLimits limits = {});
  PollServer(const PollServer&) = delete;
  PollServer& operator=(const PollServer&) = delete;
  ~PollServer();

  /// Accepts at a socket that listens and does not block, and owns it. Call once.
  void accept_at(int listening);
  /// Accepts no more, and closes the connections with this reason.
  void stop(const sluice::CloseReason& reason = sluice::CloseReason(sluice::close_code::service_restart));
  /// Waits until all connections have ended.
  void wait();

 private:
  class Door;
  void add(int socket);
  void gone(std::size_t number);

  PollLoops& loops_;
  sluice::Gateway& gateway_;
  const sluice::ServerLimits limits_;
  int listening_ = -1;
  std::mutex mutex_;
  std::condition_variable all_gone_;
  bool stopping_ = false;
  std::size_t accepted_ = 0;
  std::map<std::size_t, std::weak_ptr<PollSocket>> sockets_;  // number % loops_.size() is the loop
};
