// SPDX-License-Identifier: MIT
#include "layer/joined_groups.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace sluice {

bool JoinedGroups::contains(const HubGroup* group) const noexcept {
  if (size_ < 2) return size_ == 1 && only_ == group;
  const Joined* const found = spot(group);
  return found != many_ + size_ && found->group == group;
}

bool JoinedGroups::add(HubGroup* group, std::uint32_t place) {
  if (contains(group)) return false;
  if (size_ == 0) {
    only_ = group;
    place_or_capacity_ = place;
  } else {
    make_room();
    Joined* const found = spot(group);
    std::move_backward(found, many_ + size_, many_ + size_ + 1);
    *found = {group, place};
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
  Joined* const found = spot(group);
  const std::uint32_t place = found->place;
  std::move(found + 1, many_ + size_, found);
  if (--size_ == 1) {
    const Joined left = many_[0];
    delete[] many_;
    only_ = left.group;
    place_or_capacity_ = left.place;
  }
  return place;
}

void JoinedGroups::move(const HubGroup* group, std::uint32_t place) noexcept {
  assert(contains(group));
  (size_ == 1 ? place_or_capacity_ : spot(group)->place) = place;
}

// Where it is among many, or would be.
JoinedGroups::Joined* JoinedGroups::spot(const HubGroup* group) const noexcept {
  return std::ranges::lower_bound(many_, many_ + size_, group, std::less<const HubGroup*>(), &Joined::group);
}

// For one more beside those that are there.
void JoinedGroups::make_room() {
  if (size_ > 1 && size_ < place_or_capacity_) return;
  const std::uint32_t capacity = 2 * size_;
  auto* const larger = new Joined[capacity];
  if (size_ == 1) {
    larger[0] = {only_, place_or_capacity_};
  } else {
    std::copy_n(many_, size_, larger);
    delete[] many_;
  }
  many_ = larger;
  place_or_capacity_ = capacity;
}

}  // namespace sluice
