// SPDX-License-Identifier: MIT
#include "auth/claimed_ids.hpp"

namespace sluice::SLUICE_ABI {

ClaimedIds::Claim ClaimedIds::claim(const std::shared_ptr<ClaimedIds>& ids, const std::string& id, const UserId& user) {
  auto kept = std::make_unique<std::string>(id);
  {
    const std::lock_guard lock(ids->mutex_);
    const auto [owner, is_new] = ids->owners_.try_emplace(id, Owner{user});
    if (!is_new && (user.anonymous() || !(owner->second.user == user))) return nullptr;
    ++owner->second.connections;
  }
  return Claim(kept.release(), [ids](std::string* claimed) {
    ids->give_up(*claimed);
    delete claimed;
  });
}

void ClaimedIds::give_up(const std::string& id) noexcept {
  const std::lock_guard lock(mutex_);
  const auto owner = owners_.find(id);
  if (owner != owners_.end() && --owner->second.connections == 0) owners_.erase(owner);
}

}  // namespace sluice::SLUICE_ABI
