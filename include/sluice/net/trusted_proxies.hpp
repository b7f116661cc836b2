// SPDX-License-Identifier: MIT
// Behind a proxy: whose word on a client's address is taken.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// The peers that may speak for others: proxies and load balancers of yours. Nobody by default. An IPv4 address that
/// comes mapped into IPv6 (RFC 4291, 2.5.5.2) is that IPv4 address, here and wherever addresses are compared.
///
///     TrustedProxies{"127.0.0.1", "::1", "10.0.0.0/8", "2001:db8::/32"}
///
/// Immutable once serving: share freely.
class SLUICE_API TrustedProxies {
 public:
  TrustedProxies() = default;
  TrustedProxies(std::initializer_list<std::string_view> networks);

  /// An address, or a network as ADDRESS/BITS. Throws std::invalid_argument for anything else; also for bits behind the
  /// prefix (10.0.0.1/8), which is a slip that would trust more than was meant.
  void add(std::string_view network);

  bool empty() const noexcept { return networks_.empty(); }
  /// Is this address, of 4 or 16 bytes in their order on the wire, one of them?
  bool includes(std::span<const std::uint8_t> address) const noexcept;

 private:
  struct Network {
    std::array<std::uint8_t, 16> bytes{};
    std::uint8_t length = 0;  // of the address, 4 or 16
    std::uint8_t bits = 0;    // of the address that must be the same
  };

  std::vector<Network> networks_;
};

/// Which headers of a trusted proxy are read. Only one kind is: a proxy that writes one lets the other pass as the
/// client sent it.
enum class ForwardedHeaders : std::uint8_t {
  none,
  x_forwarded,  // X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host
  forwarded,    // Forwarded (RFC 7239)
};

/// How a server behind proxies learns who its clients are. Without trusted proxies nothing of it has an effect, and a
/// client is who the connection comes from. A value; docs/deploy.md tells how to use it.
struct ProxyOptions {
  TrustedProxies trusted = {};
  ForwardedHeaders headers = ForwardedHeaders::x_forwarded;
  /// Trusted peers begin each connection with a PROXY protocol header, version 1 or 2; one that doesn't is cut off.
  /// Everybody else must not send one: it is no HTTP, and refused as such. ListenOptions may say otherwise for a place.
  bool proxy_protocol = false;
};

}  // namespace sluice::SLUICE_ABI
