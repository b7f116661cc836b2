// SPDX-License-Identifier: MIT
// What every program in this folder serves: consumers that know nothing of the server in front of them.
#pragma once

#include <cstddef>
#include <memory>

#include "sluice/net/asio_server.hpp"

/// Consumers at `ws/chat/<room>/`, `ws/news/` and `ws/echo/`, their layer, and a server that listens nowhere: all of
/// its connections are adopted. Any thread.
class Site {
 public:
  /// With threads of its own.
  explicit Site(std::size_t threads);
  /// On executors of the caller, which outlive it.
  explicit Site(sluice::AsioExecutors& executors);
  ~Site();

  sluice::AsioServer& server() noexcept;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};
