// SPDX-License-Identifier: MIT
// The subjects of groups and channels.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/layer/bus.hpp"

namespace sluice::SLUICE_ABI::nats {

/// PREFIX.g.NAME is a group, PREFIX.p.NAME a plain channel, PREFIX.c.PROCESS.NAME a consumer's channel: the parts
/// before and behind its '!'. In a name '.' is written as '/', which no name contains: '.' separates the tokens of a
/// subject, and an empty token is not valid. Immutable: share freely.
class Subjects {
 public:
  explicit Subjects(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string of(BusTarget to, std::string_view name) const {
    if (to == BusTarget::group) return prefix_ + ".g." + token(name);
    const auto mark = name.find('!');
    if (mark == name.npos) return prefix_ + ".p." + token(name);
    return prefix_ + ".c." + token(name.substr(0, mark)) + '.' + token(name.substr(mark + 1));
  }
  std::string of(const BusSubscription& to) const {
    return to.group.empty() ? of(BusTarget::channel, to.channel) : of(BusTarget::group, to.group);
  }
  /// The target of a subject; nullopt for any other subject.
  std::optional<std::pair<BusTarget, std::string>> read(std::string_view subject) const {
    if (!subject.starts_with(prefix_) || subject.size() < prefix_.size() + 4) return {};
    const std::string_view kind = subject.substr(prefix_.size(), 3);
    std::string name(subject.substr(prefix_.size() + 3));
    std::ranges::replace(name, '.', '!');
    std::ranges::replace(name, '/', '.');
    if (kind == ".g.") return std::pair(BusTarget::group, std::move(name));
    if (kind == ".c." || kind == ".p.") return std::pair(BusTarget::channel, std::move(name));
    return {};
  }

 private:
  static std::string token(std::string_view name) {
    std::string written(name);
    std::ranges::replace(written, '.', '/');
    return written;
  }

  const std::string prefix_;
};

}  // namespace sluice::SLUICE_ABI::nats
