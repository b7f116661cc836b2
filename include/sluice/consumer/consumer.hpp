// SPDX-License-Identifier: MIT
// The object behind a connection. It hears its client, its groups and the end, one thing at a time.
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
/// - Nothing of it ever runs twice at once: the next message or event waits until the returned task has finished, and
///   meanwhile its client is not read.
/// - What a handler is given by reference lives until its task has finished.
/// - An exception from a handler is logged with path and channel name and closes the connection with 1011 (before
///   accept: HTTP 500). Every exit leaves every group.
/// - Calls that need a live connection are no-ops once it is closing; what is sent then is dropped and counted.
/// - A constructor has no connection yet: what stands under `protected` throws std::logic_error there.
/// - What other threads have for it they send as an event, to channel_name() or to a group. accept, deny, send, close,
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
  /// The server stops: the last chance to say something to the client. Once the task has finished, and what was sent to
  /// the consumer's groups until now has been handled, the connection is closed. The default says nothing.
  virtual Task<> on_stop();
  /// The connection is gone: always the last call, always once after connect(). Codes as in ConnectionEvents.
  virtual Task<> disconnect(const CloseReason& reason);
  /// The layer events that this class handles; build the table once, in a static.
  virtual const EventHandlers& event_handlers() const;
  /// Groups to be in before connect() runs, and out of before disconnect() runs (Channels: the `groups` list).
  virtual std::span<const std::string_view> groups() const { return {}; }

  /// What becomes of broadcasts while the client is slow, for groups joined without a policy of their own. Asked once,
  /// before connect(). What a consumer sends itself is never dropped.
  virtual WhenSlow when_slow() const { return WhenSlow::close; }
  /// The client was slow and did not hear everything of a group. Called in this consumer's turn, when the client has
  /// taken what came before the gap; what is sent here reaches it before what came after. The default says nothing.
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
  /// Ends the connection behind what was sent; before accept() it refuses it with 403. From here on nothing is handled
  /// but disconnect(), and every group is left. Throws std::invalid_argument for a code that must not be sent.
  void close(const CloseReason& reason = {});

  /// Joins a group; done when what is sent to it will be heard.
  Task<Result<void>> group_add(std::string_view group);
  /// Joins a group whose broadcasts have a policy of their own; for a group that it is in, the new one counts from now.
  Task<Result<void>> group_add(std::string_view group, WhenSlow when_slow);
  /// Leaves a group: what waits of it for a slow client is dropped with it.
  Task<Result<void>> group_discard(std::string_view group);

  /// Hears an event once the delay has passed: a timer. It comes in turn with everything else, to its handler in the
  /// table, and needs no layer; when the connection has ended by then nothing comes of it.
  void hear_later(std::chrono::nanoseconds delay, Event event);

  /// For a layer of your own between Consumer and handlers: what a handler's task refers to lives until it has
  /// finished. `bytes` is what it takes in memory, which counts against ConsumerLimits::server_held_bytes while the
  /// handler waits.
  void keep_until_handled(std::shared_ptr<const void> referred, std::size_t bytes = 0);

  /// kept_bytes() has changed.
  void kept_changed();

  /// What is known of the connection. Fixed by now: the channel layer knows the consumer by its user and socket id.
  const Scope& scope() const;
  /// This consumer's channel name, for point-to-point sends; empty without a layer.
  std::string channel_name() const;
  /// The channel layer. Throws std::logic_error when the host has none.
  ChannelLayer& layer() const;
  /// The bounds this server runs with.
  const ConsumerLimits& limits() const;
  /// The client wanted more than a limit of this consumer's allows. It is counted, and nothing else.
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
