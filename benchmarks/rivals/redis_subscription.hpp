// SPDX-License-Identifier: MIT
// The least that hears a group of Django's through Redis' pub/sub
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

struct redisContext;

/// Waits for Redis when it is made, and not again. Throws std::runtime_error when there is none.
class RedisSubscription {
 public:
  RedisSubscription(std::uint16_t port, std::string_view group);
  ~RedisSubscription();

  int descriptor() const noexcept;
  /// Reads once, and tells the JSON text of each {"m": text} that was broadcast.
  void read(const std::function<void(std::string_view json)>& tell);

 private:
  std::unique_ptr<redisContext, void (*)(redisContext*)> context_;
};
