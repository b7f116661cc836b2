// SPDX-License-Identifier: MIT
// Frees memory when all clients of a server hold too much together.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "net/limits/queued_bytes.hpp"
#include "net/shard/server_context.hpp"

namespace sluice::SLUICE_ABI::net {

class ServerShard;

/// Collects from each shard the memory of its connections, and ends those that hold the most. One round at a time. Any
/// thread.
class ServerRelief {
 public:
  ServerRelief(const ServerContext& context, const std::vector<std::shared_ptr<ServerShard>>& shards) noexcept
      : context_(context), shards_(shards) {}

  /// `self` is this object, in its server: jobs that run after the server do nothing.
  void relieve(const std::shared_ptr<ServerRelief>& self, Held what) noexcept;

 private:
  void shed(const std::shared_ptr<ServerRelief>& self, Held what, const std::vector<QueueSizes>& held) noexcept;
  template <class Then, class Part>
  void for_all_shards(const std::shared_ptr<ServerRelief>& self, Then then, Part part) noexcept;
  void finished(Held what) noexcept { running_[static_cast<std::size_t>(what)] = false; }

  const ServerContext& context_;
  const std::vector<std::shared_ptr<ServerShard>>& shards_;
  std::array<std::atomic<bool>, 2> running_{};  // by Held
};

}  // namespace sluice::SLUICE_ABI::net
