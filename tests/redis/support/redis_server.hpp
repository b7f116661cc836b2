// SPDX-License-Identifier: MIT
// A real redis-server of the test's own, on loopback.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "redis/support/process.hpp"
#include "redis/wire/resp.hpp"
#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::redis {

/// A command on a connection of its own, as redis-cli would: for looking into a server from outside.
Reply command(std::uint16_t port, const std::vector<std::string>& words);

/// A certificate that signs itself, and its key, as files in the folder. For "localhost" only.
struct Certificate {
  explicit Certificate(const std::string& folder);
  /// Arguments for a server that serves TLS at this port as well, to clients without a certificate.
  std::vector<std::string> serve_at(std::uint16_t port) const;

  std::string certificate_file, key_file;
};

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
  std::uint16_t port_;
  const std::string folder_;
  std::unique_ptr<Process> process_;
};

/// A sentinel that knows a master by the name "sluice", and what follows it. It finds a dead master within a second.
class Sentinel {
 public:
  explicit Sentinel(const RedisServer& master);
  /// One that talks TLS to its master, and to clients at the port tls_port() as well.
  Sentinel(std::uint16_t master_tls_port, const Certificate& certificate);
  ~Sentinel();
  Sentinel(const Sentinel&) = delete;
  Sentinel& operator=(const Sentinel&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  std::uint16_t tls_port() const noexcept { return tls_port_; }
  Reply command(const std::vector<std::string>& words) const { return redis::command(port_, words); }

 private:
  void start(std::uint16_t master_port, const std::string& more);

  const std::uint16_t port_;
  const std::uint16_t tls_port_;
  const std::string folder_;
  std::unique_ptr<Process> process_;
};

/// Three masters that share the slots of a Redis Cluster.
class RedisCluster {
 public:
  /// With a certificate its members serve TLS as well, and talk it to each other.
  explicit RedisCluster(const Certificate* certificate = nullptr);

  std::string url() const;
  /// The port of the first member's TLS.
  std::uint16_t tls_port() const noexcept { return tls_port_; }
  RedisServer& node(std::size_t number) { return *nodes_[number]; }
  /// The node that serves a slot, by the fresh cluster's division.
  static std::size_t owner_of(std::size_t slot);
  /// A further master, without slots. Returns its number.
  std::size_t add_node();
  /// Gives a slot without keys to another node, and tells everybody.
  void move_slot(std::size_t slot, std::size_t to);

 private:
  std::uint16_t tls_port_ = 0;
  std::vector<std::unique_ptr<RedisServer>> nodes_;
};

}  // namespace sluice::SLUICE_ABI::redis
