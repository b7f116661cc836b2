// SPDX-License-Identifier: MIT
// Handles the peer's frames, messages and end of one WebSocket.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "net/socket/read_ahead.hpp"
#include "sluice/core/close_reason.hpp"
#include "sluice/transport/message.hpp"
#include "sluice/ws/deflate_negotiation.hpp"
#include "sluice/ws/server_protocol.hpp"

namespace sluice::SLUICE_ABI::net {

class AsioConnection;
class ServerShard;

/// The end of a peer, which waits behind messages that are not delivered. A value.
struct PeerEnd {
  bool by_close_frame;
  CloseReason reason;
};

/// Messages of a WebSocket that arrived and are not delivered. A part of ColdState. Its executor only.
struct IncomingMessages {
  bool empty() const noexcept { return !protocol && !ahead && !peer_end; }
  /// Memory in use, in bytes.
  std::size_t held_bytes() const noexcept {
    return (protocol ? protocol->held_bytes() : 0) + (ahead ? ahead->bytes() : 0);
  }

  std::unique_ptr<ws::ServerProtocol> protocol;  // borrowed from the shard, while a frame or a message has begun
  std::shared_ptr<ReadAhead> ahead;              // messages for a busy gateway; not empty
  std::optional<PeerEnd> peer_end;
};

/// Reads frames and delivers messages. While the gateway has paused reading, a little is read ahead: pings are
/// answered, messages wait, and a close or an end of the peer waits behind them. A part of the WebSocketStage of the
/// connection that each call names. Its executor only.
class MessageReader {
 public:
  /// The messages of this WebSocket are compressed.
  void decompress(AsioConnection& connection, const ws::DeflateParameters& compression);
  /// The gateway wants no messages for now.
  void pause() noexcept { paused_ = true; }
  /// The gateway wants messages again. Returns whether reading was paused; then deliver_waiting() follows.
  bool unpause() noexcept {
    const bool was_paused = paused_;
    paused_ = false;
    return was_paused;
  }
  bool paused() const noexcept { return paused_; }

  bool wants_bytes(const AsioConnection& connection) const noexcept;
  /// Uses bytes from the front of `input`.
  void on_bytes(AsioConnection& connection, std::span<char>& input);
  /// After each read: checks whether the peer's end is due and whether a message has begun.
  void after_bytes(AsioConnection& connection);
  /// Delivers messages that waited.
  void deliver_waiting(AsioConnection& connection);
  /// The peer has sent its close frame or its end, behind its messages.
  void note_peer_end(AsioConnection& connection, PeerEnd end);
  /// Null until then.
  static const PeerEnd* peer_end(const AsioConnection& connection) noexcept;
  /// Memory of messages that are not delivered, in bytes.
  static std::size_t held_bytes(const AsioConnection& connection) noexcept;
  /// Messages that wait; null if there are none.
  static std::shared_ptr<ReadAhead> ahead(const AsioConnection& connection) noexcept;
  static void drop_ahead(AsioConnection& connection) noexcept;

 private:
  static IncomingMessages* incoming(const AsioConnection& connection) noexcept;
  static IncomingMessages& made_incoming(AsioConnection& connection);
  static void release_unused(AsioConnection& connection) noexcept;
  static bool has_ahead(const AsioConnection& connection) noexcept;
  bool wants_more(const AsioConnection& connection, std::size_t held_by_protocol) const noexcept;
  bool has_room_ahead(const AsioConnection& connection, std::size_t held_by_protocol) const noexcept;
  void read_frames(AsioConnection& connection, ws::ServerProtocol& protocol, std::span<char>& input);
  void take_message(AsioConnection& connection, Message message);
  void deliver(AsioConnection& connection, Message message);
  static void answer_ping(AsioConnection& connection, std::string_view payload);

  bool paused_ : 1 = false;
  bool compressed_ : 1 = false;
};

}  // namespace sluice::SLUICE_ABI::net
