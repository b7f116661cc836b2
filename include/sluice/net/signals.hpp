// SPDX-License-Identifier: MIT
// Ctrl-C for examples and small programs.
#pragma once

#include <memory>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// Handles SIGINT and SIGTERM from its construction until wait() has received one. Construct it first, so that the
/// program stops in order from the moment it accepts connections. A second signal ends the program at once:
///
///     StopSignals signals;
///     ...
///     auto listening = server.listen("127.0.0.1", 8000);
///     signals.wait();
///     server.stop();
///     server.wait();
///
/// Throws std::system_error when the system has no descriptors for it. One thread at a time.
class SLUICE_API StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  /// Blocks until one of the signals arrives, or returns at once if one has arrived; returns its number. From then on
  /// the signals have their default effect: they end the process. Call it once.
  int wait();

 private:
  struct Taken;
  std::unique_ptr<Taken> taken_;
};

}  // namespace sluice::SLUICE_ABI
