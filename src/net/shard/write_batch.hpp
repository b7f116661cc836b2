// SPDX-License-Identifier: MIT
// Writes for a shard's connections at the end of a turn.
#pragma once

#include <vector>

#include "net/loop/deadline_list.hpp"
#include "sluice/ws/shared_deflate.hpp"

namespace sluice::SLUICE_ABI::net {

class AsioConnection;
class ServerShard;

/// Connections that queued bytes during this turn are written at its end, together, and those that have ended are
/// destroyed then. Its executor only.
class WriteBatch {
 public:
  explicit WriteBatch(ServerShard& shard) noexcept : shard_(shard) {}

  /// Nothing is to be written in this turn so far.
  bool empty() const noexcept { return writing_.empty(); }
  /// The connection writes at the end of this turn.
  void add(AsioConnection& connection);
  /// The connection has closed its socket. It is destroyed at the end of this turn, unless another owner holds it.
  void add_ended(AsioConnection& connection) noexcept;
  /// The end of the turn.
  void run() noexcept;
  /// Compression that is settled once all are written.
  void settle(ws::SharedDeflate& deflate) noexcept { deflate_ = &deflate; }

 private:
  void run_soon();

  ServerShard& shard_;
  std::vector<AsioConnection*> writing_;
  std::vector<AsioConnection*> written_;  // those that run() works on
  DeadlineList ended_;
  ws::SharedDeflate* deflate_ = nullptr;
  bool runs_soon_ = false;
};

}  // namespace sluice::SLUICE_ABI::net
