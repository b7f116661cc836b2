// SPDX-License-Identifier: MIT
// Connections that have had their share of a turn, and have more to do.
#pragma once

#include <deque>
#include <memory>

namespace sluice::net {

class AsioConnection;
class ServerShard;

/// Resumes them in later turns, one after the other. Together they have a
/// millisecond of each turn, so that the other connections do not wait for
/// them. Its executor only.
class ResumeQueue {
 public:
  explicit ResumeQueue(ServerShard& shard) : shard_(shard) {}

  void add(std::shared_ptr<AsioConnection> connection);
  void clear() noexcept { waiting_.clear(); }

 private:
  void run_soon();
  void run();

  ServerShard& shard_;
  std::deque<std::shared_ptr<AsioConnection>> waiting_;
  bool runs_soon_ = false;
};

}  // namespace sluice::net
