// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::net {

/// What a read or a write came to, that does not block. A value.
struct Moved {
  enum class Then : std::uint8_t {
    go_on,  // it went well, and may be repeated at once
    wait,   // for bytes to come, or for room to write
    ended,  // the peer says no more, in good order; no byte was moved
    over,   // a failure; no byte was moved
  };
  std::size_t bytes = 0;
  Then then = Then::go_on;
};

}  // namespace sluice::net
