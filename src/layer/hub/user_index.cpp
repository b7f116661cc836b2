// SPDX-License-Identifier: MIT
#include "layer/hub/user_index.hpp"

#include "layer/hub/hub_shard.hpp"

namespace sluice::SLUICE_ABI {

void UserIndex::add(HubMember& member) {
  const UserId& user = member.identity().user_id;
  if (user.anonymous()) return;
  const auto [found, is_new] = members_.try_emplace(user);
  try {
    found->second.push_back(&member);
  } catch (...) {
    if (is_new) members_.erase(found);
    throw;
  }
  member.place_at_user() = static_cast<std::uint32_t>(found->second.size() - 1);
}

void UserIndex::remove(HubMember& member) noexcept {
  const auto found = members_.find(member.identity().user_id);
  if (found == members_.end()) return;
  std::vector<HubMember*>& members = found->second;
  const std::uint32_t place = member.place_at_user();
  members[place] = members.back();
  members[place]->place_at_user() = place;
  members.pop_back();
  if (members.empty()) members_.erase(found);
}

std::span<HubMember* const> UserIndex::of(const UserId& user) const noexcept {
  const auto found = members_.find(user);
  return found == members_.end() ? std::span<HubMember* const>() : std::span<HubMember* const>(found->second);
}

}  // namespace sluice::SLUICE_ABI
