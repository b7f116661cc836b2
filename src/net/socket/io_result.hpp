// SPDX-License-Identifier: MIT
// What one non-blocking read or write returned.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::net {

enum class IoStatus : std::uint8_t {
  ok,           // the call succeeded and may be repeated at once
  would_block,  // the socket has no more bytes for now, or no room for more
  ended,        // the peer has shut down its sending side in good order; no byte was moved
  failed,       // the connection has failed; no byte was moved
};

/// The result of a non-blocking read or write: the number of bytes moved, and whether to repeat the call. A value.
struct IoResult {
  std::size_t bytes = 0;
  IoStatus status = IoStatus::ok;
};

}  // namespace sluice::SLUICE_ABI::net
