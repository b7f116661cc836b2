// SPDX-License-Identifier: MIT
// Resolves host names without blocking an executor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <asio/ip/tcp.hpp>

#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI::net {

/// Resolves names for one executor with getaddrinfo(3), one after the other in a thread that lives while there are
/// names to resolve. getaddrinfo cannot be interrupted, and may take 10 s and more when no name server answers: the end
/// of the executor does not wait for it, as Asio's resolver does. The thread then ends alone. Its executor only.
class NameFinder {
 public:
  struct Answer {
    std::vector<asio::ip::tcp::endpoint> endpoints;
    std::string failure;  // empty: there are endpoints
  };
  using Found = Function<void(Answer)>;

  explicit NameFinder(Executor& executor);
  NameFinder(const NameFinder&) = delete;
  NameFinder& operator=(const NameFinder&) = delete;
  ~NameFinder();

  /// Calls `found` on the executor, unless `asker` was destroyed before. Then the name is not resolved.
  void find(std::string host, std::uint16_t port, std::weak_ptr<const void> asker, Found found);

 private:
  struct Queue;
  std::shared_ptr<Queue> queue_;
};

}  // namespace sluice::SLUICE_ABI::net
