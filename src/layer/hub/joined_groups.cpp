// SPDX-License-Identifier: MIT
#include "layer/hub/joined_groups.hpp"

#include <algorithm>
#include <new>

namespace sluice::SLUICE_ABI {

bool JoinedGroups::contains(const HubGroup* group) const noexcept {
  if (size_ < 2) return size_ == 1 && only_ == group;
  return find(group) != nullptr;
}

bool JoinedGroups::add(HubGroup* group, std::uint32_t place) {
  if (contains(group)) return false;
  if (size_ == 0) {
    only_ = group;
    place_or_capacity_ = place;
  } else {
    make_room();
    put({group, place});
  }
  ++size_;
  return true;
}

std::optional<std::uint32_t> JoinedGroups::remove(const HubGroup* group) noexcept {
  if (!contains(group)) return std::nullopt;
  if (size_ == 1) {
    size_ = 0;
    return place_or_capacity_;
  }
  Joined* const found = find(group);
  const std::uint32_t place = found->place;
  found->group = nullptr;
  if (!is_list()) close_hole(static_cast<std::uint32_t>(found - many_));
  --size_;
  shrink();
  return place;
}

void JoinedGroups::move(const HubGroup* group, std::uint32_t place) noexcept {
  assert(contains(group));
  (size_ == 1 ? place_or_capacity_ : find(group)->place) = place;
}

// Where a table's search begins. Addresses are multiples of 16: the product spreads them (Fibonacci hashing).
std::uint32_t JoinedGroups::home_of(const HubGroup* group) const noexcept {
  const std::uint64_t spread = reinterpret_cast<std::uintptr_t>(group) * std::uint64_t{0x9e3779b97f4a7c15};
  return static_cast<std::uint32_t>(spread >> 32) & (place_or_capacity_ - 1);
}

JoinedGroups::Joined* JoinedGroups::find(const HubGroup* group) const noexcept {
  if (is_list()) {
    Joined* const found = std::ranges::find(many_, many_ + place_or_capacity_, group, &Joined::group);
    return found == many_ + place_or_capacity_ || !group ? nullptr : found;
  }
  for (std::uint32_t at = home_of(group); many_[at].group; at = behind(at)) {
    if (many_[at].group == group) return &many_[at];
  }
  return nullptr;
}

// There is a free place.
void JoinedGroups::put(Joined joined) noexcept {
  std::uint32_t at = is_list() ? 0 : home_of(joined.group);
  while (many_[at].group) at = behind(at);
  many_[at] = joined;
}

// Knuth's algorithm R (volume 3, 6.4): an entry that a search would no longer reach moves into the hole.
void JoinedGroups::close_hole(std::uint32_t hole) noexcept {
  const std::uint32_t mask = place_or_capacity_ - 1;
  for (std::uint32_t at = behind(hole); many_[at].group; at = behind(at)) {
    const std::uint32_t home = home_of(many_[at].group);
    if (((at - home) & mask) < ((at - hole) & mask)) continue;  // its search does not come by the hole
    many_[std::exchange(hole, at)] = std::exchange(many_[at], {});
  }
}

// Makes room for one more. A table is at most three quarters full, a list may be full.
void JoinedGroups::make_room() {
  if (size_ == 1) {
    auto* const list = new Joined[2]();
    list[0] = {only_, place_or_capacity_};
    many_ = list;
    place_or_capacity_ = 2;
  } else if (is_list() ? size_ == place_or_capacity_ : size_ >= place_or_capacity_ / 4 * 3) {
    const std::uint32_t capacity = 2 * place_or_capacity_;
    resize(capacity, new Joined[capacity]());
  }
}

void JoinedGroups::resize(std::uint32_t capacity, Joined* table) noexcept {
  Joined* const old = std::exchange(many_, table);
  const std::uint32_t old_capacity = std::exchange(place_or_capacity_, capacity);
  for (std::uint32_t at = 0; at < old_capacity; ++at) {
    if (old[at].group) put(old[at]);
  }
  delete[] old;
}

void JoinedGroups::shrink() noexcept {
  if (size_ == 1) {
    const Joined left = *std::find_if(many_, many_ + place_or_capacity_, [](const Joined& one) { return one.group; });
    delete[] many_;
    only_ = left.group;
    place_or_capacity_ = left.place;
  } else if (size_ < place_or_capacity_ / 8) {
    const std::uint32_t capacity = place_or_capacity_ / 4;
    if (auto* const table = new (std::nothrow) Joined[capacity]()) resize(capacity, table);
  }
}

}  // namespace sluice::SLUICE_ABI
