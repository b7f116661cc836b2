// SPDX-License-Identifier: MIT
// The WebSocket part of a connection's life: frames, messages, and the Connection that a gateway sees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "net/limits/websocket_limits.hpp"
#include "net/shard/counters.hpp"
#include "net/shard/server_shard.hpp"
#include "net/socket/read_ahead.hpp"
#include "sluice/transport/connection.hpp"
#include "ws/deflate_negotiation.hpp"
#include "ws/server_protocol.hpp"

namespace sluice::net {

class AsioConnection;

/// The second stage of a connection, and the Connection that its gateway holds. The driver brings it bytes and events;
/// it answers through the driver. While its gateway has paused reading, a little is read ahead: pings are answered,
/// messages wait, and a close or an end of the peer waits behind them. Its executor only.
class WebSocketStage final : public Connection {
 public:
  /// The connection owns this stage.
  explicit WebSocketStage(AsioConnection& connection) noexcept : connection_(connection) {}

  void accept(const Acceptance& acceptance) override;
  void deny(const Denial& denial) override;
  void send(const Frame& frame) override;
  void close(const CloseReason& reason) override;
  void pause_reading() override { paused_ = true; }
  void resume_reading() override;
  std::size_t queued_bytes() const noexcept override;
  void tell_when_drained() override;

  // What the driver calls.
  /// The handshake is accepted.
  void begin(const std::optional<ws::DeflateParameters>& compression);
  /// The events of this WebSocket; null if the gateway threw.
  void attach(std::shared_ptr<ConnectionEvents> events);
  bool wants_bytes() const noexcept;
  /// So many bytes were read.
  void count_received(std::size_t bytes);
  /// Uses bytes from the front of `input`.
  void on_bytes(std::span<char>& input);
  /// Behind each piece of reading: is the end of the peer due, has a message begun?
  void after_bytes();
  /// Closes or throttles a connection that has exceeded its rates.
  void check_rates();
  /// The peer sends no more.
  void on_end();
  /// The kernel has room again.
  void on_room();
  /// All that was queued is written.
  void on_drained();
  void on_deadline();
  /// The connection has failed, and is about to end.
  void on_lost();
  /// The server stops: the events close the connection when they have sent what is left.
  void shutdown();
  /// Whether shutdown() was called.
  bool stopping() const noexcept { return stopping_; }
  /// In no deadline list now: is a ping due, or the end?
  void check_limits();
  /// Delivers messages that waited.
  void resume();
  /// The peer has sent its close frame or its end, which waits behind its messages: it sends nothing more.
  bool peer_ended() const noexcept { return cold_ && cold_->peer_end; }
  /// Memory of messages that are not delivered, in bytes.
  std::size_t held_bytes() const noexcept;

  /// Sends a close frame, and ends.
  void fail(const CloseReason& reason, CloseCause cause);
  /// Posts on_closed, once.
  void finish(const CloseReason& reason, CloseCause cause);
  /// Posts on_closed if it is due and was not posted, for want of memory or of events.
  void notify_closed();
  /// on_closed is posted, or there are no events.
  bool notified() const noexcept { return !events_; }
  /// Frees what a connection without a socket needs no more.
  void release() noexcept;

 private:
  // The end of the peer, which waits behind messages that are not delivered.
  struct PeerEnd {
    bool by_close_frame;
    CloseReason reason;
  };
  // What an idle connection has not.
  struct Cold {
    std::unique_ptr<ws::ServerProtocol> protocol;  // lent by the shard, while a frame or a message has begun
    std::shared_ptr<ReadAhead> ahead;              // messages for a busy gateway; not empty
    std::optional<PeerEnd> peer_end;
    std::optional<CloseReason> closed_with;       // for on_closed
    std::shared_ptr<ws::FrameDeflater> deflater;  // if messages are compressed
  };

  ServerShard& shard() const noexcept;
  bool open() const noexcept;
  Cold& cold();
  void release_unused() noexcept;
  bool has_ahead() const noexcept { return cold_ && cold_->ahead; }
  bool wants_more(std::size_t held_by_protocol) const noexcept;
  bool has_room_ahead(std::size_t held_by_protocol) const noexcept;

  void read_frames(ws::ServerProtocol& protocol, std::span<char>& input);
  void take_message(Message message);
  void deliver(Message message);
  void answer_ping(std::string_view payload);
  void note_peer_end(PeerEnd end);
  void end_after_peer();

  void begin_close(const CloseReason& reason, CloseCause cause);
  void queue_close(const CloseReason& reason);
  void too_slow();
  void ping();
  void time_out();
  void notify_drained();

  void count_bytes(std::size_t bytes);
  bool count_messages(std::size_t messages);
  void apply(RateLimiter::Verdict verdict);
  void plan_next_check();

  AsioConnection& connection_;
  std::shared_ptr<ConnectionEvents> events_;  // until on_closed is posted
  std::unique_ptr<Cold> cold_;                // null while all of it is empty
  [[no_unique_address]] WebSocketLimits limits_;
  CloseCause close_cause_ = CloseCause::by_gateway;  // of a close that this side began
  bool paused_ : 1 = false;
  bool wants_drained_ : 1 = false;
  bool compresses_ : 1 = false;
  bool counted_ : 1 = false;  // among the open WebSockets
  bool closed_ : 1 = false;   // on_closed is posted, or will be
  bool stopping_ : 1 = false;
};

}  // namespace sluice::net
