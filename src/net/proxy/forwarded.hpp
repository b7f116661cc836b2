// SPDX-License-Identifier: MIT
// The client of a request that proxies have forwarded.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/headers.hpp"
#include "net/proxy/addresses.hpp"
#include "sluice/core/result.hpp"

namespace sluice::SLUICE_ABI::net {

/// The client of a request, from trusted proxies. A value.
struct Requester {
  IpEndpoint client;           // from which the last trusted proxy got the request; port 0 if unknown
  std::optional<bool> secure;  // whether it arrived over TLS
  std::optional<std::string> host;

  friend bool operator==(const Requester&, const Requester&) = default;
};

/// Follows the headers from the right, the end that the nearest proxy wrote, as long as the hops are trusted; `nearest`
/// is the TCP peer. Elements to the left of the client's address are ignored: the client may have written them. A proxy
/// that hides an address counts as the client. Header names are lower case.
///
/// Fails with parse_failed for a malformed header of a trusted proxy: a wrong client would be worse. A Forwarded header
/// must be valid as a whole, because elements cannot be found otherwise.
Result<Requester> find_requester(const http::HeaderFields& headers, const IpEndpoint& nearest,
                                 const ProxyOptions& options);

}  // namespace sluice::SLUICE_ABI::net
