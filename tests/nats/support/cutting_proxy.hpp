// SPDX-License-Identifier: MIT
// A TCP proxy that cuts a connection after so many bytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::nats {

/// Relays one connection after the other to a port of this machine. cut_after, has_cut: any thread.
class CuttingProxy {
 public:
  explicit CuttingProxy(std::uint16_t to);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  std::string url() const { return "nats://localhost:" + std::to_string(port_); }
  static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();
  /// The connection that comes next, or the one that is there, ends once so many bytes were relayed since this call, in
  /// both directions together. Later ones live.
  void cut_after(std::size_t bytes);
  /// Did that happen?
  bool has_cut() const noexcept { return cut_after_ == never; }

 private:
  void run();
  void relay(int client);
  bool forward(int from, int to);

  const std::uint16_t to_;
  std::uint16_t port_ = 0;
  int listener_;
  std::atomic<std::size_t> relayed_{0};
  std::atomic<std::size_t> cut_after_{never};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace sluice::SLUICE_ABI::nats
