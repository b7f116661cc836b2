// SPDX-License-Identifier: MIT
// What every transport promises to its gateway, as checks that a transport of your own can run.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sluice/abi.hpp"
#include "sluice/core/close_reason.hpp"
#include "sluice/transport/gateway.hpp"
#include "sluice/transport/limits.hpp"

namespace sluice::SLUICE_ABI::testing {

/// A transport under test: it serves WebSockets (RFC 6455) at a TCP port of 127.0.0.1. Once it is destroyed, it calls
/// its gateway no more. One thread at a time.
class SLUICE_API ServedTransport {
 public:
  virtual ~ServedTransport() = default;
  virtual std::uint16_t port() const = 0;
  /// Begins to stop: accepts no more, and has on_stop() called for each open WebSocket. Returns at once.
  virtual void stop(const CloseReason& reason) = 0;
  /// After stop(): waits until all connections have ended.
  virtual void wait() = 0;
};

/// Starts a transport that brings its connections to the gateway, with these limits. Both outlive it.
using TransportFactory = std::function<std::unique_ptr<ServedTransport>(Gateway& gateway, const ServerLimits& limits)>;

/// One promise of the interface in sluice/transport/connection.hpp. A value.
struct SLUICE_API TransportCheck {
  std::string_view name;  // a sentence
  /// Starts a transport and clients, and returns what went wrong; empty: nothing. Each takes milliseconds if all is
  /// well, and at most a few times ten seconds.
  std::string (*run)(const TransportFactory& start);
};

/// All checks, independent of each other:
///
///     for (const auto& check : sluice::testing::transport_checks()) {
///       INFO(check.name);
///       CHECK(check.run(start_my_transport) == "");
///     }
///
/// Pings, rates, idle time, lifetime and admission are not among them: they are a transport's own business
/// (docs/embedding.md).
SLUICE_API std::span<const TransportCheck> transport_checks() noexcept;

}  // namespace sluice::SLUICE_ABI::testing
