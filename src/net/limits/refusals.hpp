// SPDX-License-Identifier: MIT
// Limits the requests of an address after many 401 and 403 answers.
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

/// A token bucket for each address that was refused lately: an IPv4 address, or the first 64 bits of an IPv6 one, which
/// is what one host gets. It keeps most_addresses; above that, each new one replaces another. While no address was
/// refused it takes no lock. Any thread.
class Refusals {
 public:
  using Time = TokenBucket::Time;
  static constexpr std::size_t most_addresses = 65'536;

  explicit Refusals(const Rate& rate) noexcept : pace_(rate) {}

  /// A client of this address was refused, with 401 or 403.
  void charge(const asio::ip::address& address, Time now);
  /// True if it was refused too often: its next request gets 429 unchecked. Counted.
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
