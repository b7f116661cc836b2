// SPDX-License-Identifier: MIT
// Behind a proxy: which peers may name a client's address.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// The peers that may name clients: your proxies and load balancers. None by default. An IPv4 address that is mapped
/// into IPv6 (RFC 4291, 2.5.5.2) equals that IPv4 address, here and wherever addresses are compared.
///
///     TrustedProxies{"127.0.0.1", "::1", "10.0.0.0/8", "2001:db8::/32"}
///
/// Immutable once serving: share freely.
class SLUICE_API TrustedProxies {
 public:
  TrustedProxies() = default;
  TrustedProxies(std::initializer_list<std::string_view> networks);

  /// An address, or a network as ADDRESS/BITS. Throws std::invalid_argument for anything else; also for bits behind the
  /// prefix (10.0.0.1/8), a mistake that would trust more than intended.
  void add(std::string_view network);

  bool empty() const noexcept { return networks_.empty(); }
  /// Whether this address, 4 or 16 bytes in network byte order, is one of them.
  bool includes(std::span<const std::uint8_t> address) const noexcept;

 private:
  struct Network {
    std::array<std::uint8_t, 16> bytes{};
    std::uint8_t length = 0;  // of the address, 4 or 16
    std::uint8_t bits = 0;    // of the address that must be the same
  };

  std::vector<Network> networks_;
};

/// The headers of a trusted proxy that are read. Only one kind: a proxy that writes one kind passes the other on as the
/// client sent it.
enum class ForwardedHeaders : std::uint8_t {
  none,
  x_forwarded,  // X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host
  forwarded,    // Forwarded (RFC 7239)
};

/// How a server behind proxies finds its clients' addresses. Without trusted proxies it has no effect, and the client
/// is the TCP peer. A value; docs/deploy.md explains it.
struct ProxyOptions {
  TrustedProxies trusted = {};
  ForwardedHeaders headers = ForwardedHeaders::x_forwarded;
  /// Trusted peers begin each connection with a PROXY protocol header, version 1 or 2; a connection without it is
  /// closed. Other peers must not send one: it is no HTTP, and is refused. ListenOptions can override this for an
  /// endpoint.
  bool proxy_protocol = false;
};

}  // namespace sluice::SLUICE_ABI
