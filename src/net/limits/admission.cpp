// SPDX-License-Identifier: MIT
#include "net/limits/admission.hpp"

namespace sluice::SLUICE_ABI::net {

Admission::ConnectionSlot Admission::enter(const std::string& address) {
  if (present_.fetch_add(1, std::memory_order_relaxed) >= connections_ && connections_ > 0) {
    present_.fetch_sub(1, std::memory_order_relaxed);
    server_full_.fetch_add(1, std::memory_order_relaxed);
    return {};
  }
  ConnectionSlot slot;
  slot.entry_ = &no_address_;
  if (!slot.move_to(address)) return {};
  return slot;
}

bool Admission::ConnectionSlot::move_to(const std::string& address) {
  if (!entry_) return true;
  Admission& admission = *entry_->second.admission;
  if (admission.per_address_ == 0) return true;
  admission.forget(std::exchange(entry_, &admission.no_address_));
  if (address.empty()) return true;
  auto* const counted = admission.count(address);
  if (counted) entry_ = counted;
  return counted != nullptr;
}

// Returns null if the address has as many connections as it may.
Admission::PerAddress::value_type* Admission::count(const std::string& address) {
  std::lock_guard lock(mutex_);
  auto& entry = *addresses_.try_emplace(address, Entry{this, 0}).first;
  if (entry.second.connections >= per_address_) {
    address_full_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  ++entry.second.connections;
  return &entry;
}

void Admission::forget(PerAddress::value_type* entry) noexcept {
  if (entry == &no_address_) return;
  std::lock_guard lock(mutex_);
  if (--entry->second.connections == 0) addresses_.erase(addresses_.find(entry->first));
}

void Admission::ConnectionSlot::release() noexcept {
  PerAddress::value_type* const entry = std::exchange(entry_, nullptr);
  if (!entry) return;
  Admission& admission = *entry->second.admission;
  admission.present_.fetch_sub(1, std::memory_order_relaxed);
  admission.forget(entry);
}

}  // namespace sluice::SLUICE_ABI::net
