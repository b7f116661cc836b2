// SPDX-License-Identifier: MIT
// Silences the log where a test provokes hundreds of expected lines.
#pragma once

#include "sluice/core/log.hpp"

namespace sluice::test {

/// From here to the end of the scope.
class Silence {
 public:
  Silence() : old_(set_log_sink({})) {}
  Silence(const Silence&) = delete;
  ~Silence() { set_log_sink(old_); }

 private:
  LogSink old_;
};

}  // namespace sluice::test
