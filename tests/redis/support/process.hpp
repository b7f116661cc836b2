// SPDX-License-Identifier: MIT
// Programs beside the test: starts, stops and kills them, and ends them in any case.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sluice/abi.hpp"
#include "support/eventually.hpp"

namespace sluice::SLUICE_ABI::redis {

/// A child with its stdin and stdout in our hands. One thread at a time.
class Process {
 public:
  /// Its stderr goes to `log`, or stays ours.
  explicit Process(std::vector<std::string> command, std::string log = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;
  void write_line(const std::string& line) const;
  /// The next line of its output; nothing when it ends, or none comes in time.
  std::optional<std::string> read_line(std::chrono::milliseconds patience = std::chrono::seconds(60));
  bool running();
  /// Waits for its end. Its exit status; -1: a signal ended it.
  int wait();
  /// Its input ends here.
  void close_input();
  pid_t id() const noexcept { return id_; }

 private:
  pid_t id_ = -1;
  int in_ = -1;
  int out_ = -1;
  std::string read_;
};

/// A TCP port of 127.0.0.1 that is free now.
std::uint16_t free_port();
/// A new folder, under the system's place for such.
std::string temporary_folder();
using test::eventually;

}  // namespace sluice::SLUICE_ABI::redis
