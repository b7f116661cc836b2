// SPDX-License-Identifier: MIT
// The names of channels_redis's keys and channels in Redis.
#pragma once

#include <string>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::redis {

/// The core layer's names (redis-wire B). Immutable: share freely.
class CoreNames {
 public:
  static constexpr std::string_view group_mark = ":group:";  // behind the prefix

  explicit CoreNames(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string channel_key(std::string_view non_local_name) const { return prefix_ + std::string(non_local_name); }
  std::string group_key(std::string_view group) const { return prefix_ + std::string(group_mark) + std::string(group); }
  const std::string& prefix() const noexcept { return prefix_; }

 private:
  std::string prefix_;
};

/// The pub/sub layer's (redis-wire C). Immutable: share freely.
class PubSubNames {
 public:
  explicit PubSubNames(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string group_channel(std::string_view group) const { return prefix_ + std::string(mark) + std::string(group); }
  /// The group whose channel this is; empty for any other channel.
  std::string_view group_of(std::string_view channel) const {
    if (!channel.starts_with(prefix_) || !channel.substr(prefix_.size()).starts_with(mark)) return {};
    return channel.substr(prefix_.size() + mark.size());
  }

 private:
  static constexpr std::string_view mark = "__group__";
  std::string prefix_;
};

}  // namespace sluice::SLUICE_ABI::redis
