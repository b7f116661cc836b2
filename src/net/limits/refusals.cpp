// SPDX-License-Identifier: MIT
#include "net/limits/refusals.hpp"

#include <algorithm>

#include "net/proxy/addresses.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

constexpr auto sweep_every = std::chrono::seconds(1);

}  // namespace

// An IPv4 address is stored behind four bytes that begin no IPv6 prefix in use.
Refusals::Key Refusals::key_of(const asio::ip::address& address) noexcept {
  Key key{};
  const auto plain = unmapped(address);
  if (plain.is_v4()) {
    std::ranges::copy(plain.to_v4().to_bytes(), key.begin() + 4);
  } else {
    const auto bytes = plain.to_v6().to_bytes();
    std::copy_n(bytes.begin(), key.size(), key.begin());
  }
  return key;
}

void Refusals::charge(const asio::ip::address& address, Time now) {
  if (!pace_.bounded()) return;
  std::lock_guard lock(mutex_);
  const Key key = key_of(address);
  if (buckets_.size() >= most_addresses && !buckets_.contains(key)) forget_some(now);
  buckets_[key].take(pace_, 1, now);
  known_.store(buckets_.size(), std::memory_order_relaxed);
}

// Removes those with all tokens back; at least one.
void Refusals::forget_some(Time now) {
  if (now - sweep_every >= swept_at_) {
    swept_at_ = now;
    std::erase_if(buckets_, [now](const auto& entry) { return entry.second.full(now); });
  }
  if (buckets_.size() >= most_addresses) buckets_.erase(buckets_.begin());
}

bool Refusals::too_many(const asio::ip::address& address, Time now) {
  if (addresses() == 0) return false;
  std::lock_guard lock(mutex_);
  const auto found = buckets_.find(key_of(address));
  if (found == buckets_.end()) return false;
  if (found->second.full(now)) {
    buckets_.erase(found);
    known_.store(buckets_.size(), std::memory_order_relaxed);
    return false;
  }
  if (!found->second.overdrawn(pace_, now)) return false;
  turned_away_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

}  // namespace sluice::SLUICE_ABI::net
