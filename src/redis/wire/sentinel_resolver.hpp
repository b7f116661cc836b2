// SPDX-License-Identifier: MIT
// Finds the current master by asking one sentinel after the other.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "redis/wire/link.hpp"
#include "sluice/redis/redis_options.hpp"

namespace sluice::SLUICE_ABI::redis {

/// One search. Destroying it ends it. Its executor only.
class SentinelResolver {
 public:
  using Found = Function<void(const Result<Endpoint>&)>;
  SentinelResolver(Dialer& dialer, Executor& executor, const RedisHost& host, std::chrono::milliseconds answer_time)
      : dialer_(dialer), executor_(executor), host_(host), answer_time_(answer_time) {}

  /// Asks the sentinels, beginning with the one that answered last time. Not during a search.
  void begin(Found found);
  /// The next search begins with this sentinel, which has newer information.
  void prefer(std::size_t sentinel) noexcept { first_ = sentinel; }
  /// The server of the last search does not work: the next search begins with another sentinel.
  void doubt() noexcept { ++first_; }

 private:
  void ask();
  void next(const Error& error);
  void answered(const Result<Reply>& reply);

  Dialer& dialer_;
  Executor& executor_;
  const RedisHost& host_;
  const std::chrono::milliseconds answer_time_;
  Found found_;
  std::shared_ptr<Link> link_;
  std::size_t first_ = 0;
  std::size_t asked_ = 0;
};

}  // namespace sluice::SLUICE_ABI::redis
