// SPDX-License-Identifier: MIT
// How often the clients of an address have been refused as unauthenticated or forbidden.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

#include <asio/ip/address.hpp>

#include "net/limits/token_bucket.hpp"
#include "sluice/transport/limits.hpp"

namespace sluice::SLUICE_ABI::net {

/// A bucket for each address that was refused lately: an IPv4 address, or the first 64 bits of an IPv6 one, because
/// that is what a host is given. It remembers most_addresses; beyond, one of them is forgotten for each that comes.
/// While nobody was refused it takes no lock. Any thread.
class Refusals {
 public:
  using Time = TokenBucket::Time;
  static constexpr std::size_t most_addresses = 65'536;

  explicit Refusals(const Rate& rate) noexcept : pace_(rate) {}

  /// A client of this address was refused, with 401 or 403.
  void charge(const asio::ip::address& address, Time now);
  /// Too often: its next attempt is not looked at. Counted.
  bool too_many(const asio::ip::address& address, Time now);
  std::uint64_t turned_away() const noexcept { return turned_away_.load(std::memory_order_relaxed); }
  std::size_t addresses() const noexcept { return known_.load(std::memory_order_relaxed); }

 private:
  using Key = std::array<std::uint8_t, 8>;

  static Key key_of(const asio::ip::address& address) noexcept;
  void forget_some(Time now);

  const Pace pace_;
  std::atomic<std::size_t> known_{0};
  std::atomic<std::uint64_t> turned_away_{0};
  std::mutex mutex_;
  std::map<Key, TokenBucket> buckets_;
  Time swept_at_ = Time::min();
};

}  // namespace sluice::SLUICE_ABI::net
