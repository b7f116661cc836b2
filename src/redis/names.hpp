// SPDX-License-Identifier: MIT
// How channels_redis names its keys and channels in Redis.
#pragma once

#include <string>
#include <string_view>

namespace sluice::redis {

/// The core layer's names (redis-wire B). Immutable: share freely.
class CoreNames {
 public:
  explicit CoreNames(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string channel_key(std::string_view non_local_name) const { return prefix_ + std::string(non_local_name); }
  std::string group_key(std::string_view group) const { return prefix_ + ":group:" + std::string(group); }
  const std::string& prefix() const noexcept { return prefix_; }

 private:
  std::string prefix_;
};

/// The pub/sub layer's (redis-wire C). Immutable: share freely.
class PubSubNames {
 public:
  explicit PubSubNames(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string group_channel(std::string_view group) const { return prefix_ + "__group__" + std::string(group); }
  const std::string& prefix() const noexcept { return prefix_; }

 private:
  std::string prefix_;
};

}  // namespace sluice::redis
