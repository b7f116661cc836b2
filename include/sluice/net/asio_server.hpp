// SPDX-License-Identifier: MIT
// A WebSocket server on TCP: it brings a Gateway its connections, and an HttpHandler its requests.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/core/result.hpp"
#include "sluice/net/tls_context.hpp"
#include "sluice/transport/gateway.hpp"
#include "sluice/transport/limits.hpp"
#include "sluice/ws/deflate_options.hpp"

namespace sluice {

class AsioExecutors;

/// How a server serves. A value; fixed once serving.
struct AsioServerOptions {
  Limits limits = {};
  DeflateOptions deflate = {};  // messages are compressed for clients that offer it
  HttpHandler* http = nullptr;  // answers plain requests and outlives the server; without one they get 404
  int backlog = 4096;           // connections that the kernel completes before we accept them
  bool reuse_port = false;      // let other processes listen on the same port; the kernel then spreads by hash
};

/// What a server has done, and holds now. Counts are since the start. A value.
struct ServerStats {
  std::uint64_t accepted = 0;     // TCP connections
  std::uint64_t connections = 0;  // of them here now
  std::uint64_t tls_failed = 0;   // connections that ended by a failure of TLS: no common version, not TLS at all, ..
  std::uint64_t opened = 0;       // WebSockets: handshakes accepted
  std::uint64_t open = 0;         // of them not closed yet
  std::uint64_t http_requests = 0;
  std::vector<std::pair<int, std::uint64_t>>
      refused;  // by HTTP status: bad heads, denied handshakes, limits, deadlines

  std::uint64_t messages_in = 0;
  std::uint64_t sends = 0;     // calls of Connection::send; a Frame of several messages is one
  std::uint64_t bytes_in = 0;  // within TLS, like bytes_out
  std::uint64_t bytes_out = 0;
  std::uint64_t writes = 0;  // system calls that wrote; with TLS, records

  // Compression: of `opened`, those that agreed on it; the messages and what they came to, before and after. What many
  // connections were sent alike was compressed once, and counts once. What was tried in vain counts as plain.
  std::uint64_t compressing = 0;
  std::uint64_t deflated = 0;
  std::uint64_t deflated_plain_bytes = 0;
  std::uint64_t deflated_wire_bytes = 0;
  std::uint64_t inflated = 0;
  std::uint64_t inflated_plain_bytes = 0;
  std::uint64_t inflated_wire_bytes = 0;

  // Why WebSockets ended; together they are opened - open.
  std::uint64_t closed_by_peer = 0;
  std::uint64_t closed_by_gateway = 0;
  std::uint64_t closed_by_stop = 0;
  std::uint64_t vanished = 0;          // no close frame (1006)
  std::uint64_t too_slow = 0;          // past Limits::queued_bytes (1013)
  std::uint64_t too_big = 0;           // a message past Limits::message_bytes (1009)
  std::uint64_t protocol_errors = 0;   // a frame that RFC 6455 forbids (1002)
  std::uint64_t invalid_payloads = 0;  // text that is not UTF-8, or compressed messages that can't be read (1007)
};

/// Accepts connections and spreads them over the executors, each to the one that has fewest. One acceptor does it, not
/// one per executor with SO_REUSEPORT: the kernel spreads by hash, so that of few connections all may meet on one
/// thread, and those waiting behind a busy executor wait there though another is free.
///
///     AsioExecutors executors(2);
///     AsioServer server(executors, gateway);
///     auto listening = server.listen("127.0.0.1", 8000);
///     if (!listening) return fail(listening.error().message());
///     signals.wait();  // StopSignals, made before
///     server.stop();
///     server.wait();
///     executors.stop();
///     executors.join();  // a disconnect() may have been at work still, with what ends next
///
/// The executors, the gateway and the HTTP handler outlive it. Any thread.
class AsioServer {
 public:
  /// Serves nothing before listen. Throws std::invalid_argument when a limit or a deflate option makes no sense.
  AsioServer(AsioExecutors& executors, Gateway& gateway, AsioServerOptions options = {});
  AsioServer(const AsioServer&) = delete;
  AsioServer& operator=(const AsioServer&) = delete;
  /// Stops at once and waits while the executors' own threads run. With io_contexts of yours: call stop() and wait()
  /// before, or end your loops before; what is still there is then closed, and its events told, in this thread.
  ~AsioServer();

  /// Listens on a host, an IPv4 or IPv6 address or a name, and returns the port; port 0 lets the kernel pick one. A
  /// name with several addresses listens on all of them, at the same port. Call it several times for several places.
  /// Fails with io_failed: no such host, address in use, no permission; after stop() with refused.
  Result<std::uint16_t> listen(std::string_view host, std::uint16_t port);
  /// The same for wss:// and https://. One server may listen in the clear at one port and with TLS at another.
  Result<std::uint16_t> listen(std::string_view host, std::uint16_t port, const TlsContext& tls);

  /// Stops accepting, lets HTTP requests in hand be answered, and closes every WebSocket with 1001 behind what is
  /// queued for it. What is not gone after `deadline` is cut off. Returns at once; a second call does nothing.
  void stop(std::chrono::milliseconds deadline = std::chrono::seconds(2));
  /// Blocks until stop() was called, by any thread, and all connections are gone. Not on an executor of the server.
  void wait();

  ServerStats stats() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace sluice
