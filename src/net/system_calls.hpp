// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cerrno>

namespace sluice::net {

/// Calls until no signal has come between.
template <class Call>
ssize_t uninterrupted(Call call) noexcept {
  ssize_t result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

/// Did the last call fail only because it would have had to wait?
inline bool would_block() noexcept { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace sluice::net
