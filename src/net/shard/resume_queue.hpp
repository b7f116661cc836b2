// SPDX-License-Identifier: MIT
// Connections that have had their share of a turn, and have more to do.
#pragma once

#include <chrono>
#include <deque>
#include <memory>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::net {

class AsioConnection;
class ServerShard;

/// Resumes them in later turns, one after the other. Together they have a millisecond of each turn, so that the other
/// connections do not wait for them. Its executor only.
class ResumeQueue {
 public:
  explicit ResumeQueue(ServerShard& shard) : shard_(shard) {}

  void add(std::shared_ptr<AsioConnection> connection);
  void clear() noexcept { waiting_.clear(); }
  /// The poller reports connections that are ready. They are read for a millisecond; those that are left come here.
  void begin_turn();
  bool turn_is_over();

 private:
  void run_soon();
  void run();

  ServerShard& shard_;
  std::deque<std::shared_ptr<AsioConnection>> waiting_;
  std::chrono::steady_clock::time_point turn_until_{};
  bool runs_soon_ = false;
};

}  // namespace sluice::SLUICE_ABI::net
