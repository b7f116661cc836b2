// SPDX-License-Identifier: MIT
// The time of day, which a test moves on: of this test program, which defines time() in front of the C library's.
#pragma once

#include <chrono>

namespace sluice::test {

/// From here to the end of the scope, time() is so much ahead: what OpenSSL goes by. One at a time.
class ClockAhead {
 public:
  explicit ClockAhead(std::chrono::seconds by = std::chrono::seconds(0)) { move_to(by); }
  ClockAhead(const ClockAhead&) = delete;
  ~ClockAhead() { move_to(std::chrono::seconds(0)); }
  void move_to(std::chrono::seconds ahead) noexcept;
};

}  // namespace sluice::test
