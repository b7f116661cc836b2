// SPDX-License-Identifier: MIT
// System calls that fail when a test says so: of this test program, which defines them in front of the C library's.
#pragma once

#include <cstdint>
#include <string>

#include "sluice/core/executor.hpp"

namespace sluice::test {

/// What happens to the socket calls of one executor's thread, from here to the end of the scope; the kernel also has
/// little room for what it writes. One at a time.
class Faults {
 public:
  /// No call fails.
  static Faults none_but_little_room(Executor& executor);
  /// The `nth` call, counted from 1, does nothing and fails with this error; close() closes all the same.
  static Faults nth_fails(Executor& executor, std::uint64_t nth, int error);
  /// Reads and writes move one byte at most; every few of them is interrupted, or would have to wait.
  static Faults crumbs(Executor& executor, std::uint64_t seed);
  Faults(Faults&&) = delete;
  ~Faults();

  /// The call that failed, "recv"; empty as long as none has.
  std::string failed() const;

 private:
  explicit Faults(Executor& executor);
  Executor& executor_;
};

}  // namespace sluice::test
