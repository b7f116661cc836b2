// SPDX-License-Identifier: MIT
// When sentinels elect another master, they publish it at once. A manual failover is visible in no other way before the
// old master knows of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "redis/wire/link.hpp"
#include "sluice/redis/redis_options.hpp"

namespace sluice::SLUICE_ABI::redis {

/// Subscribes to +switch-master at every sentinel, and again when a connection is lost. Its executor only.
class MasterWatch : public std::enable_shared_from_this<MasterWatch> {
 public:
  /// `sentinel`: the one that published it, as an index of RedisHost::sentinels.
  using Switched = Function<void(std::size_t sentinel, const Endpoint& master)>;
  MasterWatch(Dialer& dialer, Executor& executor, const RedisHost& host, std::chrono::milliseconds answer_time,
              Switched switched);

  void start();
  void stop();

 private:
  void watch(std::size_t sentinel);
  void lost(std::size_t sentinel);
  void arrived(std::size_t sentinel, const Reply& push);

  Dialer& dialer_;
  Executor& executor_;
  const RedisHost host_;
  const std::chrono::milliseconds answer_time_;
  Switched switched_;
  std::vector<std::shared_ptr<Link>> links_;  // one per sentinel
  bool stopped_ = false;
};

}  // namespace sluice::SLUICE_ABI::redis
