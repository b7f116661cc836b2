// SPDX-License-Identifier: MIT
// Parses and formats IP addresses and ports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>

#include "sluice/core/result.hpp"
#include "sluice/net/trusted_proxies.hpp"

namespace sluice::SLUICE_ABI::net {

/// An address and a port of TCP, not to be confused with sluice::Endpoint, which names a server to connect to.
using IpEndpoint = asio::ip::tcp::endpoint;

/// The IPv4 address of a mapped IPv6 one, otherwise the address itself.
asio::ip::address unmapped(const asio::ip::address& address);
/// "192.0.2.7:51234", "[2001:db8::7]:51234"; without mapping.
std::string to_text(const IpEndpoint& endpoint);

/// "192.0.2.7" or "2001:db8::7", and nothing around it: no zone, no brackets, no leading zeros.
std::optional<asio::ip::address> parse_address(std::string_view text);
/// A decimal number up to 65535 without leading zeros.
std::optional<std::uint16_t> parse_port(std::string_view text);

/// One hop of a request, named by a proxy. No endpoint: it is hidden ("unknown", "_secret"), or it has none ("unix:",
/// which nginx writes for a client over a Unix socket).
struct ForwardedHop {
  std::optional<IpEndpoint> endpoint;
};
/// "192.0.2.7", "192.0.2.7:80", "[2001:db8::7]:80", "[2001:db8::7]", "2001:db8::7", "unknown", "_name", "unix:.." (RFC
/// 7239 section 6). The port is 0 if there is none, or a hidden one.
std::optional<ForwardedHop> parse_hop(std::string_view text);

/// Whether this server trusts that address to name clients.
bool trusts(const ProxyOptions& options, const asio::ip::address& address) noexcept;

/// Where to listen for a host name or an address, which must not be empty. Fails with io_failed. It may block for a
/// name.
Result<std::vector<IpEndpoint>> endpoints_of(std::string_view host, std::uint16_t port);

}  // namespace sluice::SLUICE_ABI::net
