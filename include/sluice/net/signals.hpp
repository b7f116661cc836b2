// SPDX-License-Identifier: MIT
// Ctrl-C for examples and small programs.
#pragma once

#include <memory>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// Takes SIGINT and SIGTERM for itself, from its making until wait() has seen one. A program that makes it first ends
/// in good order from the moment on when it can be reached, and a second signal ends it at once:
///
///     StopSignals signals;
///     ...
///     auto listening = server.listen("127.0.0.1", 8000);
///     signals.wait();
///     server.stop();
///     server.wait();
///
/// Throws std::system_error when the system has no room for it. One thread at a time.
class SLUICE_API StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  /// Blocks until the process is told to end, or returns at once when it was told before; says by which signal. From
  /// then on the signals do again what they do by default: they end the process. Call it once.
  int wait();

 private:
  struct Taken;
  std::unique_ptr<Taken> taken_;
};

}  // namespace sluice::SLUICE_ABI
