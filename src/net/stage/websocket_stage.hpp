// SPDX-License-Identifier: MIT
// The WebSocket part of a connection's life, and the Connection that a gateway sees.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "net/shard/counters.hpp"
#include "net/shard/server_shard.hpp"
#include "net/stage/limits_enforcer.hpp"
#include "net/stage/message_reader.hpp"
#include "sluice/transport/connection.hpp"
#include "sluice/ws/deflate_negotiation.hpp"

namespace sluice::SLUICE_ABI::net {

class AsioConnection;

/// The second stage of a connection, and the Connection that its gateway holds. The driver calls it with events; it
/// answers through the driver. Its reader() uses the bytes, its limits() check time and rates, and the stage itself
/// sends and closes. Its executor only.
class WebSocketStage final : public Connection {
 public:
  /// The connection owns this stage.
  explicit WebSocketStage(AsioConnection& connection) noexcept : connection_(connection) {}

  void accept(const Acceptance& acceptance) override;
  void deny(const Denial& denial) override;
  void send(const Frame& frame) override;
  void close(const CloseReason& reason) override;
  void pause_reading() override { reader_.pause(); }
  void resume_reading() override;
  std::size_t queued_bytes() const noexcept override;
  void tell_when_drained() override;

  MessageReader& reader() noexcept { return reader_; }
  const MessageReader& reader() const noexcept { return reader_; }
  LimitsEnforcer& limits() noexcept { return limits_; }
  const LimitsEnforcer& limits() const noexcept { return limits_; }

  // What the driver calls.
  /// The handshake is accepted.
  void begin(const std::optional<ws::DeflateParameters>& compression);
  /// The events of this WebSocket; null if the gateway threw.
  void attach(std::shared_ptr<ConnectionEvents> events);
  /// The peer sends no more.
  void on_end();
  /// All that was queued is written.
  void on_drained();
  /// The connection has failed, and is about to end.
  void on_lost();
  /// The server stops: the events close the connection when they have sent what is left.
  void shutdown();
  /// Whether shutdown() was called.
  bool stopping() const noexcept { return stopping_; }
  /// Posts on_closed if it is due and was not posted, for want of memory or of events.
  void notify_closed();
  /// on_closed is posted, or there are no events.
  bool notified() const noexcept { return !events_; }
  /// Frees what a connection without a socket needs no more.
  void release() noexcept;

  // What its parts and the stage before it call, too.
  void deliver(Message message);
  /// Sends a close frame, and waits for the peer's.
  void begin_close(const CloseReason& reason, CloseCause cause);
  /// The peer has answered the close that this side began.
  void finish_close();
  /// The peer has ended, and all that it sent before is delivered.
  void end_after_peer();
  /// The peer did not answer a ping.
  void time_out();
  /// Sends a close frame, and ends.
  void fail(const CloseReason& reason, CloseCause cause);
  /// Posts on_closed, once.
  void finish(const CloseReason& reason, CloseCause cause);

 private:
  ServerShard& shard() const noexcept;
  bool open() const noexcept;
  void queue_close(const CloseReason& reason);
  void too_slow();
  void notify_drained();

  AsioConnection& connection_;
  std::shared_ptr<ConnectionEvents> events_;  // until on_closed is posted
  [[no_unique_address]] LimitsEnforcer limits_;
  [[no_unique_address]] MessageReader reader_;
  CloseCause close_cause_ = CloseCause::by_gateway;  // of a close that this side began
  bool wants_drained_ : 1 = false;
  bool compresses_ : 1 = false;
  bool counted_ : 1 = false;  // among the open WebSockets
  bool closed_ : 1 = false;   // on_closed is posted, or will be
  bool stopping_ : 1 = false;
};

}  // namespace sluice::SLUICE_ABI::net
