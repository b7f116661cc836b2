// SPDX-License-Identifier: MIT
#include "net/admission.hpp"

namespace sluice::net {

Admission::Seat Admission::enter(const std::string& address) {
  if (present_.fetch_add(1, std::memory_order_relaxed) >= connections_ && connections_ > 0) {
    present_.fetch_sub(1, std::memory_order_relaxed);
    server_full_.fetch_add(1, std::memory_order_relaxed);
    return {};
  }
  Seat seat;
  if (per_address_ > 0) {
    std::lock_guard lock(mutex_);
    auto& entry = *addresses_.try_emplace(address, 0).first;
    if (entry.second >= per_address_) {
      present_.fetch_sub(1, std::memory_order_relaxed);
      address_full_.fetch_add(1, std::memory_order_relaxed);
      return {};
    }
    ++entry.second;
    seat.address_ = &entry;
  }
  seat.admission_ = this;
  return seat;
}

void Admission::leave(PerAddress::value_type* address) noexcept {
  present_.fetch_sub(1, std::memory_order_relaxed);
  if (!address) return;
  std::lock_guard lock(mutex_);
  if (--address->second == 0) addresses_.erase(addresses_.find(address->first));
}

void Admission::Seat::release() noexcept {
  if (Admission* admission = std::exchange(admission_, nullptr)) admission->leave(std::exchange(address_, nullptr));
}

}  // namespace sluice::net
