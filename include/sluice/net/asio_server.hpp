// SPDX-License-Identifier: MIT
// A WebSocket server on TCP: it passes connections to a Gateway, and requests to an HttpHandler.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/close_reason.hpp"
#include "sluice/core/function.hpp"
#include "sluice/core/result.hpp"
#include "sluice/core/task.hpp"
#include "sluice/net/adopt_options.hpp"
#include "sluice/net/allowed_hosts.hpp"
#include "sluice/net/server_stats.hpp"
#include "sluice/net/tls_context.hpp"
#include "sluice/net/trusted_proxies.hpp"
#include "sluice/observe/health.hpp"
#include "sluice/transport/gateway.hpp"
#include "sluice/transport/limits.hpp"
#include "sluice/ws/deflate_options.hpp"

namespace sluice::SLUICE_ABI {

class AsioExecutors;
class ServerObserver;

/// The options of a server. A value; fixed once serving.
struct AsioServerOptions {
  ServerLimits limits = {};
  DeflateOptions deflate = {};  // messages are compressed for clients that offer it
  ProxyOptions proxies = {};    // which proxies are trusted
  AllowedHosts hosts = {};      // of requests; others get 421
  /// Whether paths are refused (400) that another program may read differently: `//`, `%2F`, `%5C`, a backslash, dot
  /// segments. nullopt: if there are trusted proxies, whose rules for paths such a spelling would evade.
  std::optional<bool> refuse_ambiguous_paths = {};
  /// How long a client that is closed with 1013 should wait before it connects again. Each close reason names a
  /// different time between this and twice this, as `retry_after_ms=2470` behind its text. 0: no time is named.
  std::chrono::milliseconds return_after{2'000};
  HttpHandler* http = nullptr;  // answers plain requests and outlives the server; without one they get 404
  int backlog = 4096;           // connections that the kernel completes before we accept them
  bool reuse_port = false;      // let other processes listen on the same port; the kernel then spreads by hash
  /// Called in their order for events of connections and requests: sluice/net/server_observer.hpp. The server shares
  /// them until its last connection has ended.
  std::vector<std::shared_ptr<ServerObserver>> observers = {};
};

/// The options of one endpoint. A value.
struct ListenOptions {
  std::optional<TlsContext> tls = {};  // connections use TLS
  /// Whether trusted peers begin with a PROXY header here. nullopt: as ProxyOptions::proxy_protocol.
  std::optional<bool> proxy_protocol = {};
};

/// The options of a stop. A value.
struct StopOptions {
  /// WebSockets are closed one by one over this time, so that their clients do not reconnect all at once. 0: all at
  /// once.
  std::chrono::milliseconds window{1'000};
  /// Whatever remains this long after the window is cut off: running handlers, close handshakes, HTTP requests.
  std::chrono::milliseconds grace{4'000};
  /// The close reason: 1012, reconnect after a while (IANA's registry; uvicorn sends it too, behaviour LC-27), or 1001
  /// for a server that does not return.
  CloseReason reason{close_code::service_restart};
  /// The time until a server is expected again. Each client gets a time of its own, from this to twice this, as
  /// `retry_after_ms=4170` behind the reason's text: scripts cannot read it from a refused handshake. 0: none.
  std::chrono::milliseconds return_after{0};
};

/// Accepts connections and assigns each to the executor with the fewest, in turns if equal. An executor that a handler
/// blocks gets none while another is free. With several executors a thread of the server accepts. SO_REUSEPORT is not
/// used for this: the kernel spreads by hash, so that a few connections may all be on one executor, and wait behind a
/// busy one although another is free.
///
///     AsioExecutors executors(2);
///     AsioServer server(executors, gateway);
///     auto listening = server.listen("127.0.0.1", 8000);
///     if (!listening) return fail(listening.error().message());
///     signals.wait();  // StopSignals, made before
///     server.stop();
///     server.wait();  // no handler runs any more
///
/// The executors, the gateway and the HTTP handler outlive it: if one is destroyed before, the program aborts with a
/// message. Any thread.
class SLUICE_API AsioServer {
 public:
  /// Serves nothing before listen. Throws std::invalid_argument when a limit or a deflate option makes no sense,
  /// std::system_error when the system gives no epoll set.
  AsioServer(AsioExecutors& executors, Gateway& gateway, AsioServerOptions options = {});
  AsioServer(const AsioServer&) = delete;
  AsioServer& operator=(const AsioServer&) = delete;
  /// Stops at once and waits while the executors' own threads run. With io_contexts of yours: call stop() and wait() or
  /// when_ended() before, or end your loops before; remaining connections are then closed, and their events called, in
  /// this thread.
  ~AsioServer();

  /// Listens on a host, an IPv4 or IPv6 address or a name, and returns the port; port 0 lets the kernel pick one. A
  /// name with several addresses listens on all of them, at the same port. Call it several times for several places.
  /// Fails with io_failed: no such host, address in use, no permission, no thread to accept in; after stop() with
  /// refused. Throws std::bad_alloc; then, as after an Error, nothing of the call is left.
  Result<std::uint16_t> listen(std::string_view host, std::uint16_t port, const ListenOptions& options = {});
  /// The same for wss:// and https://. One server may listen without TLS at one port and with TLS at another.
  Result<std::uint16_t> listen(std::string_view host, std::uint16_t port, const TlsContext& tls);
  /// Listens at a TCP socket that listens already, such as one of passed_sockets(), and returns the port. The server
  /// then owns the descriptor. stop() closes it without accepting the connections that wait there: another owner of the
  /// socket serves them, systemd or the next process. Fails with invalid_argument for a descriptor that is no such
  /// socket, after stop() with refused; then the caller still owns it.
  Result<std::uint16_t> listen_fd(int descriptor, const ListenOptions& options = {});
  Result<std::uint16_t> listen_fd(int descriptor, const TlsContext& tls);

  /// Serves a connection that another server has accepted, beside listen() or instead of it. It is admitted like an
  /// accepted one: the same limits, statistics and drain, from the first byte of a request. `read` is what the caller
  /// has read of the request and behind it, at most most_adopted_bytes(). The descriptor is a stream socket: TCP, or a
  /// Unix one, such as the end of a socketpair() to whose other end the caller copies decrypted bytes.
  ///
  ///     loop.remove(descriptor);  // no other code may read it, write to it, or wait for it
  ///     if (auto adopted = server.adopt(descriptor, read); !adopted) ::close(descriptor);
  ///
  /// On success the descriptor belongs to the server, which closes it. On an Error, and on an exception, it still
  /// belongs to the caller, and its flags are as they were. Fails with invalid_argument for a descriptor, an address or
  /// a request that can't be used, with refused after stop(), with no_room when AsioServerOptions::backlog connections
  /// wait to be taken, with io_failed as listen() does. Throws std::bad_alloc. Any thread.
  Result<> adopt(int descriptor, std::string_view read = {}, const AdoptOptions& options = {});
  /// The same where the caller has parsed the request's head: `behind` is what it has read behind the head.
  Result<> adopt(int descriptor, const AdoptedRequest& request, std::string_view behind = {},
                 const AdoptOptions& options = {});
  /// The most bytes that adopt() takes with a connection: a head, with the largest body or message, and 64 KiB.
  std::size_t most_adopted_bytes() const noexcept;

  /// Begins an orderly stop, and returns at once. Connections that the kernel has completed are served, then no more
  /// are accepted. HTTP requests are answered with `Connection: close`; a connection that waits for its first request
  /// has half a second for it. Each WebSocket, in its turn, gets on_stop(), and is closed behind its last and its
  /// queued messages. A further call can only shorten the stop. Throws std::invalid_argument for a code that may not be
  /// sent, and for times that are negative or above 12 days, and std::bad_alloc: then call it again.
  void stop(StopOptions options = {});
  /// Blocks until stop() was called, by any thread, and everything has ended: connections, HTTP handlers, and all
  /// holders of connections, such as a consumer until its disconnect() has finished. It takes at most the window, the
  /// grace and twice ConsumerLimits::disconnect_grace; connections that are held longer are logged. Throws
  /// std::logic_error on an executor of the server, which would wait for itself.
  void wait();

  /// Calls `then` once everything has ended, as for wait(), without blocking a thread: in a job of the server's first
  /// executor, which may destroy the server. After the end it is called soon. If the server is destroyed before that,
  /// `then` is destroyed without being called. Throws std::bad_alloc. Any thread.
  void when_ended(Function<void()> then);
  /// The same as a task, which continues on the executor that awaits it. It throws BrokenPromise if the server is
  /// destroyed before everything has ended.
  Task<> ended();

  ServerStats stats() const;
  /// What is not well: the server drains since stop() was called, or a number is near its limit.
  std::vector<Problem> problems() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace sluice::SLUICE_ABI
