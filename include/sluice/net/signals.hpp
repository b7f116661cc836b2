// SPDX-License-Identifier: MIT
// Ctrl-C for examples and small programs.
#pragma once

#include <memory>

namespace sluice {

/// Takes SIGINT and SIGTERM for itself, from its making to its end. A program that makes it first ends in good order
/// from the moment on when it can be reached:
///
///     StopSignals signals;
///     ...
///     auto listening = server.listen("127.0.0.1", 8000);
///     signals.wait();
///     server.stop();
///
/// Throws std::system_error when the system has no room for it. One thread at a time.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  /// Blocks until the process is told to end, or returns at once when it was told before; says by which signal.
  int wait();

 private:
  struct Taken;
  std::unique_ptr<Taken> taken_;
};

}  // namespace sluice
