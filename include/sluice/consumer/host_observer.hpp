// SPDX-License-Identifier: MIT
// Callbacks of a host about its connections and handlers: for tracing, and for histograms.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "sluice/abi.hpp"
#include "sluice/core/close_reason.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI {

/// A connection, for observers. The reference is valid during the call.
struct ObservedConnection {
  std::uint64_t id;  // no other connection of this host has it
  /// An observer keeps objects of its own there: `connection.scope.put(Span())`.
  Scope& scope;
};

/// The kind of a handler call.
enum class HandlerKind : std::uint8_t {
  connect,  // middlewares, the consumer's constructor and connect()
  receive,
  event,
  gap,
  stop,
  disconnect,
};
/// "connect", "receive", "event", "on_gap", "on_stop", "disconnect".
SLUICE_API std::string_view to_string(HandlerKind kind) noexcept;

/// A call of a handler. Views; they end with the call.
struct HandlerCall {
  HandlerKind kind;
  std::string_view name;  // the event's type, or to_string(kind)
  /// From the arrival of the mail to this call; 0 where the consumer was idle.
  std::chrono::nanoseconds waited;
};

/// How a handler ended. Views; they end with the call.
struct HandlerResult {
  std::chrono::nanoseconds duration;  // with the time that it was suspended
  std::string_view error = {};        // the exception's text; empty: none
  bool destroyed = false;             // while it was suspended: its connection had ended, or held too much
};

/// Who ended a connection.
enum class EndedBy : std::uint8_t {
  transport,  // the client, or the server at a limit of its own: ServerObserver::websocket_closed() says which
  consumer,   // close() or deny()
  host,       // no route, a middleware's refusal, an exception of a handler, or a limit of the host
  stop,       // the server stops
};
/// "transport", "consumer", "host", "stop".
SLUICE_API std::string_view to_string(EndedBy by) noexcept;

/// The end of a connection. Views; they end with the call.
struct ConnectionEnd {
  const CloseReason& reason;  // as for disconnect()
  EndedBy by;
  std::chrono::nanoseconds duration;  // from the handshake to the close
};

/// Why mail or a message for a client was dropped. Each has a counter in HostStats.
enum class MailDrop : std::uint8_t {
  mailbox_full,      // an event past the channel's capacity, with MailboxOverflow::drop_newest
  after_close,       // an event or a broadcast for a connection that had ended, or a group that it had left
  sent_after_close,  // a consumer's send() to a connection that had ended
  no_memory,         // an event for which there was no memory
  slow_newest,       // a broadcast to a slow client, dropped as the newest
  slow_oldest,       // dropped as the oldest
  slow_superseded,   // replaced by a newer one with the same key
};
/// "mailbox_full" and so on.
SLUICE_API std::string_view to_string(MailDrop cause) noexcept;

/// Observes the connections of a Host: HostOptions::observers. Every call does nothing by default. A host without
/// observers reads no clock and allocates nothing for them.
///
///     class Spans final : public sluice::HostObserver {
///       void handler_ended(const sluice::ObservedConnection& connection, const sluice::HandlerCall& call,
///                          const sluice::HandlerResult& result) noexcept override;
///     };
///
/// The calls about one connection come on its executor, one at a time, in this order: opened; accepted or denied,
/// unless the client leaves before; and closed as the last one, also where the host ends first. Handlers of one
/// connection do not overlap. Connections of different executors report at the same time. A call must not block: the
/// executor waits for it. It may come within a delivery: it may publish, but must not close a connection, and neither
/// open, close, join nor leave through a channel. An exception is logged, a few lines in ten seconds, and has no other
/// effect. Any thread.
class SLUICE_API HostObserver {
 public:
  virtual ~HostObserver() = default;

  /// A handshake has reached the host.
  virtual void opened(const ObservedConnection& connection) { (void)connection; }
  /// The handshake is accepted, this long after opened().
  virtual void accepted(const ObservedConnection& connection, std::chrono::nanoseconds after) {
    (void)connection, (void)after;
  }
  /// The handshake is refused with this HTTP status.
  virtual void denied(const ObservedConnection& connection, int status) { (void)connection, (void)status; }
  /// The connection has ended, disconnect() has run, and the consumer will be destroyed.
  virtual void closed(const ObservedConnection& connection, const ConnectionEnd& end) { (void)connection, (void)end; }

  virtual void handler_begun(const ObservedConnection& connection, const HandlerCall& call) {
    (void)connection, (void)call;
  }
  /// Follows each handler_begun(), with the same call.
  virtual void handler_ended(const ObservedConnection& connection, const HandlerCall& call,
                             const HandlerResult& result) {
    (void)connection, (void)call, (void)result;
  }

  /// This many events or messages were dropped, on the executor of their connection.
  virtual void mail_dropped(MailDrop cause, std::uint64_t count) { (void)cause, (void)count; }
};

}  // namespace sluice::SLUICE_ABI
