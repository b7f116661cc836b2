// SPDX-License-Identifier: MIT
// What a session knows once broadcasts of its groups may be dropped. Without it a slow client is closed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "consumer/backlog.hpp"
#include "sluice/consumer/when_slow.hpp"

namespace sluice {

/// Its executor only.
struct Pressure {
  WhenSlow usual = WhenSlow::close;
  std::map<std::string, WhenSlow, std::less<>> chosen;       // by group
  std::unique_ptr<Backlog> backlog;                          // null: the client keeps up
  std::map<std::string, std::uint64_t, std::less<>> missed;  // by group: what found no place in the mailbox
  bool gap_in_mailbox = false;
  bool telling = false;  // the handler at work is on_gap: what it sends goes to the place of the gap

  /// What is sent to a consumer itself, through no group, is not dropped.
  WhenSlow of(std::string_view group) const {
    if (group.empty()) return WhenSlow::close;
    const auto found = chosen.find(group);
    return found == chosen.end() ? usual : found->second;
  }
  /// Returns how many messages waited.
  std::size_t leave(std::string_view group) {
    std::erase_if(chosen, [&](const auto& one) { return one.first == group; });
    std::erase_if(missed, [&](const auto& one) { return one.first == group; });
    return backlog ? backlog->leave(group) : 0;
  }
};

}  // namespace sluice
