// SPDX-License-Identifier: MIT
// The server that is soaked: pages that are given and taken away, an echo, a plain HTTP answer, and somebody who
// publishes all the time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "sluice/consumer/host.hpp"
#include "sluice/core/worker_pool.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/page/page_registry.hpp"

namespace soak {

/// Users and tables are numbers below these. Table 0 is the loud one: slow readers drown in it.
inline constexpr int users = 50;
inline constexpr int tables = 20;

class House {
 public:
  explicit House(std::uint64_t seed);
  ~House();

  std::uint16_t port() const noexcept { return port_; }
  /// Publishes, revokes and signs out until quiet() is called.
  void make_noise();
  void quiet();
  /// Waits until there is no connection and no pending work; false if that takes too long.
  bool comes_to_rest();

  sluice::ServerStats server_stats() const { return server_.stats(); }
  sluice::LayerStats layer_stats() const { return layer_.stats(); }
  sluice::PageStats page_stats() const { return pages_->stats(); }

 private:
  struct Answer;

  void publish();

  sluice::AsioExecutors executors_;
  sluice::WorkerPool pool_;
  sluice::InMemoryChannelLayer layer_;
  std::shared_ptr<sluice::PageRegistry> pages_;
  std::unique_ptr<Answer> answer_;
  sluice::Host host_;
  sluice::AsioServer server_;
  std::uint16_t port_ = 0;
  std::uint64_t seed_;
  std::atomic<bool> noisy_{false};
  std::thread publisher_;
};

}  // namespace soak
