// SPDX-License-Identifier: MIT
// Chooses the shard that serves an accepted connection.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "net/shard/server_shard.hpp"

namespace sluice::SLUICE_ABI::net {

/// Gives each connection to the shard with the fewest, ties in turns. A shard whose executor does not take a connection
/// within `patience`, because a handler blocks it, gets no more until it does; the connection is offered to all others,
/// and the first one serves it. Its executor only: the acceptors'.
class HandOver : public std::enable_shared_from_this<HandOver> {
 public:
  static constexpr auto patience = std::chrono::milliseconds(10);

  HandOver(const std::vector<std::shared_ptr<ServerShard>>& shards, AsioExecutor& executor);

  /// Throws when there is no memory for it: then the connection is closed.
  void give(AcceptedSocket accepted);
  /// Connections are offered once from now on.
  void stop() noexcept { stopped_ = true; }

 private:
  struct Offer {
    explicit Offer(AcceptedSocket what) : accepted(std::move(what)) {}
    AcceptedSocket accepted;
    std::weak_ptr<ServerShard> first;  // counts it, until another takes it
    std::size_t place = 0;
    std::uint64_t number = 0;
    Executor::Clock::time_point since;
    std::atomic<bool> taken{false};
  };
  struct Place {
    std::weak_ptr<ServerShard> shard;
    std::uint64_t blocked_since = 0;                                  // the last offer that it did not take in time
    std::shared_ptr<std::atomic<std::uint64_t>> looked_at = nullptr;  // the last offer that it has seen; any thread
    bool blocked() const noexcept { return looked_at->load(std::memory_order_relaxed) < blocked_since; }
  };

  std::size_t lightest() const noexcept;
  void offer(const std::shared_ptr<Offer>& offer, Place& place);
  void offer_to_others(const std::shared_ptr<Offer>& late) noexcept;
  void look_again() noexcept;
  void look_later() noexcept;

  std::vector<Place> places_;
  AsioExecutor& executor_;
  std::size_t last_chosen_;
  std::uint64_t offers_ = 0;
  std::deque<std::shared_ptr<Offer>> open_;  // oldest first, some of them taken
  bool looks_ = false;                       // look_again() is due
  bool stopped_ = false;
};

}  // namespace sluice::SLUICE_ABI::net
