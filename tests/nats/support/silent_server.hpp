// SPDX-License-Identifier: MIT
// A server that begins as a NATS server with TLS, and then sends nothing.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::nats {

/// accepted: any thread.
class SilentServer {
 public:
  SilentServer();
  ~SilentServer();
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  std::string url() const { return "nats://localhost:" + std::to_string(port_); }
  /// How many connections it has accepted; all of them live.
  std::size_t accepted() const noexcept { return accepted_; }

 private:
  void run();

  int listener_;
  std::uint16_t port_ = 0;
  std::vector<int> clients_;
  std::atomic<std::size_t> accepted_{0};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace sluice::SLUICE_ABI::nats
