// SPDX-License-Identifier: MIT
// Which of an executor's members belong to a user.
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "sluice/transport/user.hpp"

namespace sluice::SLUICE_ABI {

class HubMember;

/// Members by user. Adding and removing one cost the same, however many a user has. Its executor only.
class UserIndex {
 public:
  /// An anonymous member is in no list. Without memory nothing has changed.
  void add(HubMember& member);
  void remove(HubMember& member) noexcept;
  std::span<HubMember* const> of(const UserId& user) const noexcept;

 private:
  std::unordered_map<UserId, std::vector<HubMember*>> members_;
};

}  // namespace sluice::SLUICE_ABI
