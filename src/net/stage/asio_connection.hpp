// SPDX-License-Identifier: MIT
// One TCP connection: HTTP requests at first, then perhaps a WebSocket until the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>

#include "net/limits/admission.hpp"
#include "net/loop/deadline_list.hpp"
#include "net/shard/server_shard.hpp"
#include "net/stage/buffered_socket.hpp"
#include "net/stage/cold_state.hpp"
#include "net/stage/connection_reader.hpp"
#include "net/stage/websocket_stage.hpp"

namespace sluice::SLUICE_ABI::net {

class HttpStage;

/// Drives one connection: it moves bytes between the socket and the stages, and owns the phase. HttpStage uses the
/// bytes until a handshake is accepted, then WebSocketStage. Decisions about bytes are theirs.
///
/// Reading is a part of its own, ConnectionReader. Writing: stages only queue; the shard writes for all at the
/// end of the turn. Failure: an open WebSocket that has failed delivers what the peer had sent before, then it ends.
///
/// It exists while it has an owner: a posted job, the gateway, and itself until the end of the turn in which its socket
/// is closed. Its executor only.
class AsioConnection final : public Deadline {
 public:
  enum class Phase : std::uint8_t {
    http,      // requests, and a handshake that the gateway decides on
    open,      // a WebSocket
    closing,   // our close frame is on its way, the peer's is due
    leaving,   // all is queued; the connection ends once it is written
    draining,  // the write side is shut down; what the peer still sends is discarded, so that it can read our last
               // bytes
    over,      // the socket is closed
  };

  AsioConnection(ServerShard& shard, AcceptedSocket accepted, Admission::ConnectionSlot slot);
  ~AsioConnection();

  // What the shard calls.
  /// `self` is this connection, which holds itself until it is over.
  void start(std::shared_ptr<AsioConnection> self);
  std::shared_ptr<AsioConnection> self() const noexcept { return self_; }
  void on_ready(Poller::Readiness ready);
  void on_deadline();
  /// The turn ends: writes what is queued, as far as the kernel takes it.
  void end_turn();
  /// Bytes of an open WebSocket that its network does not take, or of any connection that are read and not used yet.
  std::size_t held(Held what) const noexcept;
  /// All connections hold too much together, and this one is among the largest: ends it.
  void shed(Held what);
  /// The server stops, and it is this connection's turn: what it has begun may end in good order.
  void shutdown();
  /// Ends now. A WebSocket receives the reason if the kernel takes it at once.
  void cut_off();
  /// Called at the end of the turn in which the socket was closed. Destroys the connection, unless another owner holds
  /// it.
  void turn_after_end() noexcept;
  /// Runs a part of this connection's life: an exception ends this connection, and no other.
  template <class Work>
  void guarded(Work work) noexcept;

  // What the stages call.
  ServerShard& shard() const noexcept { return socket_.shard(); }
  BufferedSocket& socket() noexcept { return socket_; }
  ConnectionReader& reader() noexcept { return reader_; }
  Admission::ConnectionSlot& slot() noexcept { return slot_; }
  /// Null once a handshake is accepted.
  HttpStage* http() const noexcept { return cold_ ? cold_->http.get() : nullptr; }
  WebSocketStage& websocket() noexcept { return websocket_; }
  const WebSocketStage& websocket() const noexcept { return websocket_; }
  Phase phase() const noexcept { return phase_; }
  /// The gateway decides on a handshake.
  bool opening() const noexcept;
  /// An open WebSocket has failed, and delivers what it had received before.
  bool failed() const noexcept { return failed_; }
  /// The gateway accepts a handshake; without effect when none is open.
  void accept(const Acceptance& acceptance);
  /// What is queued is written at the end of the turn.
  void write_soon();
  /// Writes what is queued.
  void write_queued();
  /// Continues in a later turn.
  void resume_soon() { reader_.resume_soon(*this); }
  /// Our close frame is queued: waits for the peer's.
  void begin_closing();
  /// Ends once all that is queued is written; `and_drain`: reads on until the peer has read that, too.
  void leave(bool and_drain);
  /// The connection has failed.
  void lost();
  /// The stage learns that the connection is lost, and about to end.
  void notify_lost();
  /// Closes the socket now.
  void end() noexcept;

  // What the reader calls, too.
  bool wants_bytes() const noexcept;
  /// Nothing is read, but the loss of the connection is of interest.
  bool watches_for_loss() const noexcept;
  ColdState& cold();
  ColdState* cold_if_any() const noexcept { return cold_.get(); }
  /// Frees cold() when all of it is empty.
  void release_unused() noexcept;

 private:
  void broke(std::exception_ptr error) noexcept;
  void on_writable();
  void on_drained();

  // By how often they are touched.
  [[no_unique_address]] BufferedSocket socket_;
  [[no_unique_address]] ConnectionReader reader_;
  Phase phase_ = Phase::http;
  bool will_write_ : 1 = false;  // the shard calls end_turn()
  bool failed_ : 1 = false;      // see failed()
  bool drains_ : 1 = false;      // leaving is followed by draining
  WebSocketStage websocket_;
  std::unique_ptr<ColdState> cold_;       // null while all of it is empty
  std::shared_ptr<AsioConnection> self_;  // until over
  Admission::ConnectionSlot slot_;
};

template <class Work>
void AsioConnection::guarded(Work work) noexcept {
  try {
    work();
    websocket_.notify_closed();  // there may have been no memory for the job before
  } catch (...) {
    broke(std::current_exception());
  }
}

}  // namespace sluice::SLUICE_ABI::net
