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
  seat.admission_ = this;
  if (!seat.move_to(address)) return {};
  return seat;
}

bool Admission::Seat::move_to(const std::string& address) {
  if (!admission_ || admission_->per_address_ == 0) return true;
  admission_->forget(std::exchange(address_, nullptr));
  if (address.empty()) return true;
  address_ = admission_->count(address);
  return address_ != nullptr;
}

// Null: it has its share.
Admission::PerAddress::value_type* Admission::count(const std::string& address) {
  std::lock_guard lock(mutex_);
  auto& entry = *addresses_.try_emplace(address, 0).first;
  if (entry.second >= per_address_) {
    address_full_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  ++entry.second;
  return &entry;
}

void Admission::forget(PerAddress::value_type* address) noexcept {
  if (!address) return;
  std::lock_guard lock(mutex_);
  if (--address->second == 0) addresses_.erase(addresses_.find(address->first));
}

void Admission::leave(PerAddress::value_type* address) noexcept {
  present_.fetch_sub(1, std::memory_order_relaxed);
  forget(address);
}

void Admission::Seat::release() noexcept {
  if (Admission* admission = std::exchange(admission_, nullptr)) admission->leave(std::exchange(address_, nullptr));
}

}  // namespace sluice::net
