// SPDX-License-Identifier: MIT
// From HTTP to WebSocket: whether a request is an upgrade, and its response (RFC 6455 section 4.2).
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/result.hpp"
#include "sluice/http/head.hpp"
#include "sluice/transport/connection.hpp"
#include "sluice/ws/extensions.hpp"

namespace sluice::SLUICE_ABI::ws {

/// A plain request. A value.
struct PlainRequest {};

/// A good request to open a WebSocket. A value.
struct Upgrade {
  std::string key;                        // Sec-WebSocket-Key
  std::vector<std::string> subprotocols;  // the client's offers, in its order
  std::vector<ExtensionOffer> extensions;
};

/// Classifies a request. A request that mentions WebSockets, by Upgrade or by Sec-WebSocket-Key, and does not do
/// it right is refused: 405 another method than GET; 426 another version than 13; 400 everything else, that is
/// HTTP/1.0, a body, no "Upgrade: websocket" or "Connection: Upgrade", a key that is not base64 of 16 bytes,
/// subprotocols that are not distinct tokens, extensions that don't follow the grammar, more than
/// 64 elements in one of these lists. An Upgrade to another protocol is ignored, as RFC 9110 section 7.8 allows. Any
/// thread.
SLUICE_API std::variant<PlainRequest, Upgrade, http::Refusal> check_upgrade(const http::Head& head);

/// Removes the headers that only the handshake needs: Connection, Upgrade, and those that begin with Sec-WebSocket-. A
/// scope lives as long as its connection; the values of these headers are in Upgrade.
SLUICE_API void drop_handshake_headers(RequestInfo& request);

/// Sec-WebSocket-Accept for this Sec-WebSocket-Key (RFC 6455 section 4.2.2).
SLUICE_API std::string accept_key(std::string_view key);

/// The 101 response; `extensions` is the value of Sec-WebSocket-Extensions, empty for none. Fails with invalid_argument
/// when the subprotocol is not among the offers (behaviour LC-10), or a header is not clean or one that belongs to the
/// handshake (LC-11).
SLUICE_API Result<std::string> accept_response(const Upgrade& upgrade, const Acceptance& acceptance,
                                               std::string_view extensions = {});

}  // namespace sluice::SLUICE_ABI::ws
