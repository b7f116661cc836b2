// SPDX-License-Identifier: MIT
// The last calls of a connection's events.
#pragma once

#include "net/socket/read_ahead.hpp"
#include "sluice/transport/connection.hpp"

namespace sluice::SLUICE_ABI::net {

/// Delivers the messages that were read ahead, and then on_closed. Exceptions are logged: there is no connection left
/// to end. The connection's executor only.
void deliver_last_events(ConnectionEvents& events, ReadAhead* ahead, const CloseReason& reason) noexcept;

}  // namespace sluice::SLUICE_ABI::net
