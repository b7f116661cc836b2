// SPDX-License-Identifier: MIT
// Options for a connection that another server has accepted and passes to an AsioServer.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/http/head.hpp"
#include "sluice/net/tls_context.hpp"

namespace sluice::SLUICE_ABI {

/// How an adopted connection is served. A value.
struct AdoptOptions {
  /// The client's address: `192.0.2.7:4711`, `[2001:db8::7]:4711`, or without the port. Empty: the socket's peer.
  /// Required for a socket that is no TCP socket, such as the end of a socketpair().
  std::string client_address = {};
  /// The client uses TLS, and the caller terminates it: the descriptor has decrypted bytes. The scheme is `https` or
  /// `wss`.
  bool secure = false;
  /// The server terminates TLS itself. The handshake must not have begun: no byte of the client may have been read.
  std::optional<TlsContext> tls = {};
};

/// A request that another parser has read. It is written out again and parsed by Sluice's own rules, so that both
/// parsers agree on it. A value.
struct AdoptedRequest {
  std::string method = "GET";
  std::string target = "/";                                       // as it was sent: percent-encoded, with its query
  std::vector<std::pair<std::string, std::string>> headers = {};  // all of them, in their order
  http::Version version = http::Version::http_1_1;
};

}  // namespace sluice::SLUICE_ABI
