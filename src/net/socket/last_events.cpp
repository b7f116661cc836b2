// SPDX-License-Identifier: MIT
#include "net/socket/last_events.hpp"

#include <exception>

#include "core/failure.hpp"

namespace sluice::SLUICE_ABI::net {

void deliver_last_events(ConnectionEvents& events, ReadAhead* ahead, const CloseReason& reason) noexcept {
  try {
    while (ahead && !ahead->empty()) events.on_message(ahead->take());
  } catch (...) {
    log_failure("a message that came before the end of its connection is lost, on_message threw",
                std::current_exception());
  }
  try {
    events.on_closed(reason);
  } catch (...) {
    log_failure("a connection's on_closed threw", std::current_exception());
  }
}

}  // namespace sluice::SLUICE_ABI::net
