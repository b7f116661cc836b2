// SPDX-License-Identifier: MIT
// Which server is the master now? Sentinels know; one after the other is asked.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "redis/wire/link.hpp"
#include "sluice/redis/redis_options.hpp"

namespace sluice::redis {

/// One search. Destroying it ends it. Its executor only.
class SentinelResolver {
 public:
  using Found = Function<void(const Result<Endpoint>&)>;
  SentinelResolver(Dialer& dialer, Executor& executor, const RedisHost& host, std::chrono::milliseconds answer_time)
      : dialer_(dialer), executor_(executor), host_(host), answer_time_(answer_time) {}

  /// Asks the sentinels, beginning with the one that knew last time. Not while a search goes on.
  void begin(Found found);
  /// The next search begins with this one: it knows more than the others.
  void prefer(std::size_t sentinel) noexcept { first_ = sentinel; }
  /// What the last search found does not serve: the next one begins with another sentinel.
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

}  // namespace sluice::redis
