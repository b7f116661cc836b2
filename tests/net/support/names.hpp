// SPDX-License-Identifier: MIT
// Host names that mean what a test says: of this test program, which defines getaddrinfo in front of the C library's.
#pragma once

#include <string>

namespace sluice::test {

/// From here to the end of the scope "two.test" has an address that no machine has, 203.0.113.1, and 127.0.0.1; the
/// name server of "silent.test" does not answer. One at a time.
class Names {
 public:
  Names();
  Names(const Names&) = delete;
  ~Names();
  /// Waits until somebody asks for silent.test.
  void wait_for_question();
  /// Has the question been answered, by patience's end?
  bool answered() const;
};

}  // namespace sluice::test
