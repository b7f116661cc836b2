// SPDX-License-Identifier: MIT
// A real redis-server of the test's own, on loopback.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "redis/resp.hpp"
#include "redis/support/process.hpp"

namespace sluice::redis {

/// A command on a connection of its own, as redis-cli would: for looking into a server from outside.
Reply command(std::uint16_t port, const std::vector<std::string>& words);

/// Keeps nothing on disk. Gone with the object. One thread at a time.
class RedisServer {
 public:
  /// Further arguments of the command line: {"--requirepass", "secret"}.
  explicit RedisServer(std::vector<std::string> arguments = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  const std::string& folder() const noexcept { return folder_; }
  std::string url(unsigned database = 0) const;

  void stop();   // SIGKILL: nothing is said to anybody
  void start();  // at the same port
  void pause() const;
  void resume() const;

  Reply command(const std::vector<std::string>& words) const { return redis::command(port_, words); }
  /// The keys that fit a pattern, sorted.
  std::vector<std::string> keys(const std::string& pattern = "asgi*") const;

 private:
  const std::vector<std::string> arguments_;
  const std::uint16_t port_;
  const std::string folder_;
  std::unique_ptr<Process> process_;
};

}  // namespace sluice::redis
