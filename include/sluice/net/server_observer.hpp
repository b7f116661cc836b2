// SPDX-License-Identifier: MIT
// Callbacks of a server about its connections and requests: for tracing, and for histograms.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/abi.hpp"
#include "sluice/core/close_reason.hpp"

namespace sluice::SLUICE_ABI {

/// A TCP connection, for observers. Views; they are valid during the call.
struct ObservedSocket {
  std::uint64_t id;                 // no other connection of this server has it
  std::string_view client_address;  // as Scope::client_address(): behind a proxy, the client once it is known
};

/// Why a connection or a request was refused before any other check. A value.
enum class ConnectionRefusal : std::uint8_t {
  server_full,        // past ServerLimits::connections
  address_full,       // past ServerLimits::connections_per_address
  too_many_refusals,  // past ServerLimits::refusals_per_address
  tls_failed,
  bad_proxy_header,  // of a trusted proxy: missing or malformed
};
/// "server_full" and so on.
SLUICE_API std::string_view to_string(ConnectionRefusal cause) noexcept;

/// An HTTP request and its answer, also where the server itself answers: a bad request, a refused handshake. Views;
/// they end with the call.
struct HttpAnswer {
  std::string_view method;            // empty: the request was never whole
  std::string_view path;              // without its query, which may have tokens; text of a client
  std::string_view route;             // HttpResponse::set_route(), or empty: use it where few values must be
  int status;                         // 0: the client left before
  std::chrono::nanoseconds duration;  // from the whole request to the last byte of the answer being queued
  bool complete;                      // false: the client left, or the body failed
};

/// Who ended a WebSocket. A value.
enum class WebSocketEndedBy : std::uint8_t {
  client,   // it closed, or vanished
  gateway,  // a consumer or its host
  stop,     // the server stops
  limit,    // one of Limits, or a frame that RFC 6455 forbids: WebSocketEnd::cause
};
/// "client", "gateway", "stop", "limit".
SLUICE_API std::string_view to_string(WebSocketEndedBy by) noexcept;

/// The end of a WebSocket. Views; they end with the call.
struct WebSocketEnd {
  const CloseReason& reason;
  WebSocketEndedBy by;
  std::string_view cause;             // by_peer, vanished, too_slow: as the counters sluice_server_*_total say
  std::chrono::nanoseconds duration;  // from the accepted handshake to the close
  std::uint64_t bytes_in, bytes_out;  // of the connection, with its handshake, within TLS
};

/// Observes an AsioServer: AsioServerOptions::observers. Every call does nothing by default. A server without observers
/// reads no clock and allocates nothing for them.
///
/// The calls about one connection come on its executor, one at a time; those of different executors come at the same
/// time. A call must not block: the executor waits for it. An exception is logged, a few lines in ten seconds, and has
/// no other effect. Any thread.
class SLUICE_API ServerObserver {
 public:
  virtual ~ServerObserver() = default;

  virtual void connection_accepted(const ObservedSocket& socket) { (void)socket; }
  /// A refused connection that can read it is still answered, with 503 or 429: http_answered() follows.
  virtual void connection_refused(const ObservedSocket& socket, ConnectionRefusal cause) { (void)socket, (void)cause; }
  virtual void http_answered(const ObservedSocket& socket, const HttpAnswer& answer) { (void)socket, (void)answer; }

  /// A handshake is accepted. `path` is without its query.
  virtual void websocket_opened(const ObservedSocket& socket, std::string_view path) { (void)socket, (void)path; }
  /// The last call about this socket, when the TCP connection has ended too.
  virtual void websocket_closed(const ObservedSocket& socket, const WebSocketEnd& end) { (void)socket, (void)end; }

  /// The network took no more bytes of one connection for a while. This many bytes were queued when there was room
  /// again, or when they were dropped.
  virtual void output_waited(std::size_t bytes) { (void)bytes; }
};

}  // namespace sluice::SLUICE_ABI
