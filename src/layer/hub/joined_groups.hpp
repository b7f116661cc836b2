// SPDX-License-Identifier: MIT
// The groups of one member, and its place among the members of each.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

struct HubGroup;

/// The groups of one member. Joining and leaving one cost the same however many there are. A member of one group only,
/// as most are, needs no memory beside the 16 bytes of the list itself. Its executor only.
class JoinedGroups {
 public:
  JoinedGroups() noexcept = default;
  JoinedGroups(const JoinedGroups&) = delete;
  JoinedGroups& operator=(const JoinedGroups&) = delete;
  ~JoinedGroups() { clear(); }

  std::size_t size() const noexcept { return size_; }
  bool contains(const HubGroup* group) const noexcept;
  /// False: the group is in the list already, and its place is unchanged. Without memory nothing has changed.
  bool add(HubGroup* group, std::uint32_t place);
  /// Removes the group, and returns the member's place in it; nullopt if it was not there.
  std::optional<std::uint32_t> remove(const HubGroup* group) noexcept;
  /// The member has another place in the group now.
  void move(const HubGroup* group, std::uint32_t place) noexcept;
  /// Removes all groups, and calls `left(HubGroup&, place)` for each.
  template <class Left>
  void take_all(Left left) noexcept;

 private:
  struct Joined {
    HubGroup* group;  // null: a free place of the table
    std::uint32_t place;
  };
  static constexpr std::uint32_t largest_list = 8;  // a table this small is a list that is searched linearly

  bool is_list() const noexcept { return place_or_capacity_ <= largest_list; }
  std::uint32_t home_of(const HubGroup* group) const noexcept;
  std::uint32_t behind(std::uint32_t at) const noexcept { return (at + 1) & (place_or_capacity_ - 1); }
  Joined* find(const HubGroup* group) const noexcept;
  void put(Joined joined) noexcept;
  void close_hole(std::uint32_t hole) noexcept;
  void make_room();
  void resize(std::uint32_t capacity, Joined* table) noexcept;
  void shrink() noexcept;
  void clear() noexcept {
    if (size_ > 1) delete[] many_;
  }

  union {
    HubGroup* only_ = nullptr;  // of one
    Joined* many_;              // of two and more: a table with open addressing
  };
  std::uint32_t place_or_capacity_ = 0;  // the member's place in the only one; or the table's size, a power of two
  std::uint32_t size_ = 0;
};

template <class Left>
void JoinedGroups::take_all(Left left) noexcept {
  const std::uint32_t size = std::exchange(size_, 0);
  if (size == 1) left(*only_, place_or_capacity_);
  if (size < 2) return;
  for (std::uint32_t at = 0; at < place_or_capacity_; ++at) {
    if (many_[at].group) left(*many_[at].group, many_[at].place);
  }
  delete[] many_;
}

}  // namespace sluice::SLUICE_ABI
