// SPDX-License-Identifier: MIT
// The members of one executor by their slots, 8 bytes each; a map by number would take 60.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

class HubMember;

/// A free slot holds the number of the next free one, so that releasing one needs no memory. Its executor only.
class MemberSlots {
 public:
  /// A slot that was free, and is still empty.
  std::uint32_t take() {
    if (first_free_ == none) {
      slots_.push_back(0);
      return static_cast<std::uint32_t>(slots_.size() - 1);
    }
    const auto slot = static_cast<std::uint32_t>(first_free_);
    first_free_ = slots_[slot] >> 1;
    slots_[slot] = 0;
    return slot;
  }
  void give_back(std::uint32_t slot) noexcept {
    slots_[slot] = first_free_ << 1 | 1;
    first_free_ = slot;
  }
  void set(std::uint32_t slot, HubMember& member) noexcept { slots_[slot] = reinterpret_cast<std::uintptr_t>(&member); }
  /// Null: it is empty.
  HubMember* at(std::size_t slot) const noexcept {
    const std::uintptr_t held = slot < slots_.size() ? slots_[slot] : 0;
    return held & 1 ? nullptr : reinterpret_cast<HubMember*>(held);
  }
  std::size_t size() const noexcept { return slots_.size(); }

 private:
  static constexpr std::uintptr_t none = UINT32_MAX;

  std::vector<std::uintptr_t> slots_;  // odd: free
  std::uintptr_t first_free_ = none;
};

}  // namespace sluice::SLUICE_ABI
