// SPDX-License-Identifier: MIT
// The socket ids that clients proposed for themselves, while their connections are open.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "sluice/transport/user.hpp"

namespace sluice::SLUICE_ABI {

/// An id belongs to one user at a time: a broadcast excludes it, and a forced disconnect spares it. Any thread.
class ClaimedIds {
 public:
  /// The id is released when the last copy is destroyed.
  using Claim = std::shared_ptr<void>;

  /// Null: an open connection of another user has this id. Anonymous users equal no one.
  static Claim claim(const std::shared_ptr<ClaimedIds>& ids, const std::string& id, const UserId& user);

 private:
  struct Owner {
    UserId user;
    std::size_t connections = 0;
  };
  void give_up(const std::string& id) noexcept;

  std::mutex mutex_;
  std::unordered_map<std::string, Owner> owners_;
};

/// A claim in the scope of its connection. A value.
struct ClaimedId {
  ClaimedIds::Claim claim;
};

}  // namespace sluice::SLUICE_ABI
