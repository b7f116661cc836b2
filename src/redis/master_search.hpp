// SPDX-License-Identifier: MIT
// Which server is the master now? Sentinels know; one after the other is asked.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "redis/link.hpp"
#include "sluice/redis/redis_options.hpp"

namespace sluice::redis {

/// One search. Destroying it ends it. Its executor only.
class MasterSearch {
 public:
  using Found = Function<void(const Result<Endpoint>&)>;
  MasterSearch(Dialer& dialer, Executor& executor, const RedisHost& host, std::chrono::milliseconds answer_time)
      : dialer_(dialer), executor_(executor), host_(host), answer_time_(answer_time) {}

  /// Asks the sentinels, beginning with the one that knew last time. Not while a search goes on.
  void begin(Found found);

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
