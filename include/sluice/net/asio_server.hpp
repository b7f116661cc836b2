// SPDX-License-Identifier: MIT
// A WebSocket server on TCP: it brings a Gateway its connections, and an HttpHandler its requests.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/core/close_reason.hpp"
#include "sluice/core/result.hpp"
#include "sluice/net/tls_context.hpp"
#include "sluice/net/trusted_proxies.hpp"
#include "sluice/transport/gateway.hpp"
#include "sluice/transport/limits.hpp"
#include "sluice/ws/deflate_options.hpp"

namespace sluice {

class AsioExecutors;

/// How a server serves. A value; fixed once serving.
struct AsioServerOptions {
  Limits limits = {};
  DeflateOptions deflate = {};  // messages are compressed for clients that offer it
  ProxyOptions proxies = {};    // who may speak for clients
  HttpHandler* http = nullptr;  // answers plain requests and outlives the server; without one they get 404
  int backlog = 4096;           // connections that the kernel completes before we accept them
  bool reuse_port = false;      // let other processes listen on the same port; the kernel then spreads by hash
};

/// How those who connect to one place are met. A value.
struct ListenOptions {
  std::optional<TlsContext> tls = {};  // they speak it
  /// Do trusted peers begin with a PROXY header here? Not said: as ProxyOptions::proxy_protocol has it.
  std::optional<bool> proxy_protocol = {};
};

/// How a server stops. A value.
struct StopOptions {
  /// WebSockets are closed spread over this time, each at its own moment, so that their clients do not come back all at
  /// once. 0: all at once.
  std::chrono::milliseconds window{1'000};
  /// What is still there so long after the window is cut off: handlers at work, close handshakes, HTTP requests in
  /// hand.
  std::chrono::milliseconds grace{4'000};
  /// What the clients are told: 1012, come back after a while (so says IANA's registry of 1012, and uvicorn sends it,
  /// behaviour LC-27), or 1001 for a server that will not be there again.
  CloseReason reason{close_code::service_restart};
};

/// What a server has done, and holds now. Counts are since the start. A value.
struct ServerStats {
  std::uint64_t accepted = 0;     // TCP connections
  std::uint64_t connections = 0;  // of them here now
  std::uint64_t opened = 0;       // WebSockets: handshakes accepted
  std::uint64_t open = 0;         // of them not closed yet
  std::uint64_t http_requests = 0;
  std::vector<std::pair<int, std::uint64_t>>
      refused;                      // by HTTP status: bad heads, denied handshakes, limits, deadlines
  std::uint64_t tls_failed = 0;     // connections that a failure of TLS has ended; not those that merely broke off
  std::uint64_t proxy_refused = 0;  // connections of trusted proxies whose PROXY header is missing or malformed

  std::uint64_t messages_in = 0;
  std::uint64_t sends = 0;     // calls of Connection::send; a Frame of several messages is one
  std::uint64_t bytes_in = 0;  // within TLS, as bytes_out
  std::uint64_t bytes_out = 0;
  std::uint64_t writes = 0;  // system calls that wrote; under TLS, records

  // Limits that were met without ending a WebSocket.
  std::uint64_t server_full = 0;      // connections past Limits::connections
  std::uint64_t address_full = 0;     // past Limits::connections_per_address
  std::uint64_t throttled = 0;        // times that a peer faster than its rates was not read for a while
  std::uint64_t pings = 0;            // sent to peers that were silent for Limits::ping_every
  std::uint64_t cut_off = 0;          // peers that did not do their part of an end within Limits::close_time
  std::uint64_t cut_off_by_stop = 0;  // connections of any kind that were still there after StopOptions::grace

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
  std::uint64_t too_many_frames = 0;   // a message past Limits::frames_per_message (1008)
  std::uint64_t too_fast = 0;          // past its rates, where those close (1008)
  std::uint64_t timed_out = 0;         // no answer to a ping (1006)
  std::uint64_t idle = 0;              // no message for Limits::idle_time (1000)
  std::uint64_t too_old = 0;           // past Limits::lifetime (1001)
  std::uint64_t shed = 0;              // had the largest queue when all were past Limits::server_queued_bytes (1013)
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
///     server.wait();  // nothing that the server called is at work any more
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
  Result<std::uint16_t> listen(std::string_view host, std::uint16_t port, const ListenOptions& options = {});
  /// The same for wss:// and https://. One server may listen in the clear at one port and with TLS at another.
  Result<std::uint16_t> listen(std::string_view host, std::uint16_t port, const TlsContext& tls);
  /// Listens at a TCP socket that listens already, one of passed_sockets() for instance, and returns the port. From
  /// then on the descriptor is the server's. stop() closes it without touching the connections that wait there: they
  /// are for whoever else has the socket open, systemd or the next process. Fails with invalid_argument for a
  /// descriptor that is no such socket, after stop() with refused; then it is still yours.
  Result<std::uint16_t> listen_fd(int descriptor, const ListenOptions& options = {});
  Result<std::uint16_t> listen_fd(int descriptor, const TlsContext& tls);

  /// Stops in good order, and returns at once. Connections that the kernel has completed are served, then nobody is
  /// accepted any more. HTTP requests are answered with `Connection: close`; a connection that waits for its first
  /// request has half a second for it. Each WebSocket, in its turn, has its events told with on_stop(), and is closed
  /// behind what they still send and what is queued for it. A further call can only make it faster. Throws
  /// std::invalid_argument for a code that may not be sent.
  void stop(StopOptions options = {});
  /// Blocks until stop() was called, by any thread, and everything has ended: connections, HTTP handlers, and whatever
  /// holds on to a connection, as a consumer does until its disconnect() has finished. At the longest that takes the
  /// window, the grace and Limits::disconnect_grace; what is held longer is logged. Throws std::logic_error on an
  /// executor of the server, which would wait for itself.
  void wait();

  ServerStats stats() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace sluice
