// SPDX-License-Identifier: MIT
// The object of a connection. It handles its client's messages, its groups' events and the end, one at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "sluice/abi.hpp"
#include "sluice/consumer/event_handlers.hpp"
#include "sluice/consumer/when_slow.hpp"
#include "sluice/core/close_reason.hpp"
#include "sluice/core/result.hpp"
#include "sluice/core/task.hpp"
#include "sluice/layer/channel_layer.hpp"
#include "sluice/transport/connection.hpp"
#include "sluice/transport/limits.hpp"
#include "sluice/transport/message.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI {

class HostedConsumer;
class Session;

/// One per connection, never shared: derive from it and override what you need (Channels: AsyncWebsocketConsumer).
///
/// - Its handlers never overlap: the next message or event waits until the returned task has finished, and
///   meanwhile its client is not read.
/// - A handler's reference arguments are valid until its task has finished.
/// - An exception from a handler is logged with path and channel name and closes the connection with 1011 (before
///   accept: HTTP 500). Every exit leaves every group.
/// - Calls that need an open connection are no-ops once it is closing; messages are then dropped and counted.
/// - A constructor has no connection yet: the protected functions throw std::logic_error there.
/// - Other threads send it events, to channel_name() or to a group. accept, deny, send, close,
///   group_add, group_discard and hear_later throw std::logic_error there.
///
/// Its executor only.
class SLUICE_API Consumer {
 public:
  Consumer() = default;
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;
  virtual ~Consumer() = default;

  /// The client wants to connect: accept() or deny(), now or later. The default accepts.
  virtual Task<> connect();
  /// A message from the client. The default ignores it.
  virtual Task<> receive(const Message& message);
  /// The server stops: send last messages to the client. The connection is closed once the task has finished and
  /// earlier events of the consumer's groups have been handled. The default sends nothing.
  virtual Task<> on_stop();
  /// The connection has ended: the last call, exactly once after connect(). Codes as in ConnectionEvents.
  virtual Task<> disconnect(const CloseReason& reason);
  /// The layer events that this class handles; build the table once, in a static.
  virtual const EventHandlers& event_handlers() const;
  /// Groups that are joined before connect() runs, and left before disconnect() runs (Channels: the `groups` list).
  virtual std::span<const std::string_view> groups() const { return {}; }

  /// The policy for broadcasts to a slow client, for groups that are joined without one. Called once, before connect().
  /// Messages that a consumer sends itself are never dropped.
  virtual WhenSlow when_slow() const { return WhenSlow::close; }
  /// The client was slow and missed messages of a group. Called in this consumer's turn, when the client has taken all
  /// messages before the gap; messages that are sent here precede those after it. The default sends nothing.
  virtual Task<> on_gap(const Gap& gap);

  /// The memory that this object keeps for its client between messages, in bytes. Each call of kept_changed() reads it
  /// anew, and up to 4 GiB of it count against ConsumerLimits::server_held_bytes until the connection ends.
  virtual std::size_t kept_bytes() const noexcept { return 0; }

  /// Called once by the host, before connect().
  void bind(Session& session) noexcept { session_ = &session; }

 protected:
  /// Completes the handshake. Throws std::invalid_argument when the subprotocol is not one of the client's offers.
  void accept(const Acceptance& acceptance = {});
  /// Refuses the handshake with an HTTP status.
  void deny(const Denial& denial = {});
  /// Queues a message for the client; it never waits. Before accept() it throws std::logic_error.
  void send(MessageKind kind, std::string_view data);
  /// UTF-8, which is not checked: a client closes on anything else.
  void send_text(std::string_view text) { send(MessageKind::text, text); }
  void send_binary(std::string_view bytes) { send(MessageKind::binary, bytes); }
  /// Ends the connection behind what was sent; before accept() it refuses it with 403. After it only disconnect() is
  /// handled, and every group is left. Throws std::invalid_argument for a code that must not be sent.
  void close(const CloseReason& reason = {});

  /// Joins a group; finished once its events will be received.
  Task<Result<void>> group_add(std::string_view group);
  /// Joins a group whose broadcasts have a policy of their own; for a group that it is in, the new policy applies from
  /// now on.
  Task<Result<void>> group_add(std::string_view group, WhenSlow when_slow);
  /// Leaves a group, and drops its messages that wait for a slow client.
  Task<Result<void>> group_discard(std::string_view group);

  /// Receives an event once the delay has passed: a timer. Its handler in the table runs in order with other mail. It
  /// needs no layer. If the connection has ended by then the event is dropped.
  void hear_later(std::chrono::nanoseconds delay, Event event);

  /// For a class of yours between Consumer and handlers: keeps an object that a handler's task refers to until the task
  /// has finished. `bytes` is its memory, which counts against ConsumerLimits::server_held_bytes while the handler
  /// waits.
  void keep_until_handled(std::shared_ptr<const void> referred, std::size_t bytes = 0);

  /// kept_bytes() has changed.
  void kept_changed();

  /// What is known of the connection. It cannot change any more: the channel layer uses its user and socket id.
  const Scope& scope() const;
  /// This consumer's channel name, for point-to-point sends; empty without a layer.
  std::string channel_name() const;
  /// The channel layer. Throws std::logic_error when the host has none.
  ChannelLayer& layer() const;
  /// The limits of this server's consumers.
  const ConsumerLimits& limits() const;
  /// Counts that the client exceeded a limit of this consumer. It has no other effect.
  void limit_met();
  /// True from accept() until the connection is closing.
  bool connected() const;

 private:
  friend class HostedConsumer;
  Session& session() const;

  Session* session_ = nullptr;      // null before connect()
  std::uint32_t kept_counted_ = 0;  // of kept_bytes(), by the session
};

}  // namespace sluice::SLUICE_ABI
