// SPDX-License-Identifier: MIT
// Who a request is from, when proxies have passed it on.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/headers.hpp"
#include "net/proxy/addresses.hpp"
#include "sluice/core/result.hpp"

namespace sluice::SLUICE_ABI::net {

/// What proxies that are trusted say of a request. A value.
struct Requester {
  IpEndpoint client;           // whom the last trusted one got it from; port 0 if none was told
  std::optional<bool> secure;  // did it come over TLS?
  std::optional<std::string> host;

  friend bool operator==(const Requester&, const Requester&) = default;
};

/// Follows the headers from the right, the end that the nearest proxy wrote, for as long as whoever speaks is trusted;
/// `nearest` is whoever sent us the request. What is left of the client's own address is never looked at: anybody may
/// have written it. A proxy that hides an address is taken for the client. Header names are lower case.
///
/// Fails with parse_failed when what a trusted proxy wrote can't be read: taking somebody else for the client would be
/// worse. A Forwarded header must be one in its whole length, because nothing else tells where an element begins.
Result<Requester> find_requester(const http::HeaderFields& headers, const IpEndpoint& nearest,
                                 const ProxyOptions& options);

}  // namespace sluice::SLUICE_ABI::net
