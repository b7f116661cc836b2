// SPDX-License-Identifier: MIT
// A program that an example starts beside itself, and that ends with it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

/// A child process whose output is read here. One thread at a time.
class Child {
 public:
  /// Throws std::runtime_error when it can't be started; a command that is not there ends at once.
  explicit Child(std::vector<std::string> command);
  /// Ends it with SIGTERM, and waits.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// The next line of its output; nothing once it has ended.
  std::optional<std::string> read_line();
  pid_t id() const noexcept { return id_; }

 private:
  pid_t id_ = -1;
  int output_ = -1;
  std::string read_;
};

/// A redis-server of the example's own, on a unix socket in a temporary folder: no port, nothing on disk.
class OwnRedis {
 public:
  /// Returns when it answers. Throws std::runtime_error when there is no redis-server.
  OwnRedis();
  ~OwnRedis();
  OwnRedis(const OwnRedis&) = delete;
  OwnRedis& operator=(const OwnRedis&) = delete;

  std::string url() const { return "unix://" + folder_ + "/redis.sock"; }
  pid_t id() const noexcept { return server_->id(); }

 private:
  std::string folder_;
  std::optional<Child> server_;
};

/// A nats-server of the example's own, on loopback, at a port that it chooses.
class OwnNats {
 public:
  /// Returns when it listens. Throws std::runtime_error when there is no nats-server.
  OwnNats();

  const std::string& url() const noexcept { return url_; }
  pid_t id() const noexcept { return server_->id(); }

 private:
  std::string url_;
  std::optional<Child> server_;
};
