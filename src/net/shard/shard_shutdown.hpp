// SPDX-License-Identifier: MIT
// How one shard of a server stops.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "net/shard/server_context.hpp"
#include "sluice/core/executor.hpp"

namespace sluice::SLUICE_ABI::net {

class AsioConnection;
class ServerShard;

/// Shuts down the connections of a shard in the turns that a DrainPlan gives, cuts off those that are left at the end,
/// and knows when all are released. Its executor only.
class ShardShutdown {
 public:
  explicit ShardShutdown(ServerShard& shard) : shard_(shard) {}

  /// Shuts down each connection when the plan says, cuts off those that are left at the end, and calls `when_empty`
  /// once all are released. A second call with an earlier end adds that end, and its `when_empty` is not called.
  /// Without memory for a timer the thread waits for memory.
  void begin(Shutdown how, Function<void()> when_empty) noexcept;
  bool begun() const noexcept { return how_.plan != nullptr; }
  /// The reason that WebSockets are closed with.
  CloseReason close_reason() const { return how_.plan ? how_.plan->invite_back(how_.close_reason) : how_.close_reason; }
  /// Is it the reason that StopOptions gave?
  bool is_close_reason(const CloseReason& reason) const noexcept { return begun() && reason == how_.close_reason; }
  /// After begin(): shuts the connection down when the plan says, or at `when`.
  void plan(AsioConnection& connection);
  void shut_down_at(AsioConnection& connection, Deadline::Time when);

  /// The constructor of a connection has returned, and its destructor ends. The shard may end in the second call.
  void connection_begins() noexcept { ++held_; }
  void connection_destroyed() noexcept;
  /// A connection that only its handler keeps, which is destroyed when no executor runs any more.
  using Kept = std::weak_ptr<std::shared_ptr<AsioConnection>>;
  void keep(Kept connection);

  /// Ends all connections and notifies their events, in this call. No executor runs any more.
  void tear_down();
  bool torn_down() const noexcept { return torn_down_; }

 private:
  void cut_off_all() noexcept;
  void give_up() noexcept;
  void notify_if_empty() noexcept;
  void notify_empty() noexcept;

  ServerShard& shard_;
  Shutdown how_;          // without a plan: the shard serves
  std::size_t held_ = 0;  // connections with an owner, closed ones too
  bool torn_down_ = false;
  std::vector<Kept> kept_;
  std::size_t many_kept_ = 64;  // then those that are destroyed are removed
  Function<void()> when_empty_;
  std::shared_ptr<ServerShard> until_empty_;  // this shard, when connections may outlive the server
};

}  // namespace sluice::SLUICE_ABI::net
