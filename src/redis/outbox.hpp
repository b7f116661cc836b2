// SPDX-License-Identifier: MIT
// What waits for one host: for it to be up, or for room.
#pragma once

#include <deque>

#include "redis/bus_counters.hpp"
#include "redis/publication.hpp"

namespace sluice::redis {

/// In the order in which it was sent. One thread at a time.
class Outbox {
 public:
  void put(Outgoing outgoing) { waiting_.push_back(std::move(outgoing)); }
  /// Its connection broke before anything was done.
  void put_back(Outgoing outgoing) { again_.push_back(std::move(outgoing)); }
  /// The host is lost: what was put back goes first, in its order.
  void rewind();

  bool empty() const noexcept { return waiting_.empty(); }
  /// The first; there is one.
  Outgoing take();

  /// Fails the first ones that have waited for longer than an event lives.
  void drop_expired(Executor::Clock::time_point now, BusCounters& counters);
  /// Fails all.
  void end(const Error& error);

 private:
  std::deque<Outgoing> waiting_;
  std::deque<Outgoing> again_;  // comes in while a broken connection fails its requests, before the host counts as lost
};

}  // namespace sluice::redis
