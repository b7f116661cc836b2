// SPDX-License-Identifier: MIT
// A real nats-server of the test's own, on loopback.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "redis/support/process.hpp"
#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::nats {

using redis::Process;

/// At a port of its own choice. Gone with the object. Where nats-server is not installed the constructor prints that
/// the test is skipped, and ends the program. One thread at a time.
class NatsServer {
 public:
  /// Further arguments of the command line: {"--user", "ann", "--pass", "secret"}.
  explicit NatsServer(std::vector<std::string> arguments = {});
  ~NatsServer();
  NatsServer(const NatsServer&) = delete;
  NatsServer& operator=(const NatsServer&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  /// "nats://localhost:port"
  std::string url() const { return "nats://localhost:" + std::to_string(port_); }

  void stop();   // SIGKILL: nothing is said to anybody
  void start();  // at the same port
  void pause() const;
  void resume() const;

 private:
  const std::vector<std::string> arguments_;
  const std::string folder_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

/// A folder for a test's files, removed with the object.
class Folder {
 public:
  Folder() : name_(redis::temporary_folder()) {}
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& name() const noexcept { return name_; }
  /// Writes a file, and returns its path.
  std::string file(const std::string& name, const std::string& text) const;

 private:
  const std::string name_;
};

}  // namespace sluice::SLUICE_ABI::nats
