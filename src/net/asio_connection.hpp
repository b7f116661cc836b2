// SPDX-License-Identifier: MIT
// One TCP connection: HTTP requests at first, then perhaps a WebSocket until the end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/admission.hpp"
#include "net/counters.hpp"
#include "net/deadline_list.hpp"
#include "net/shard.hpp"
#include "net/stream.hpp"
#include "net/write_queue.hpp"
#include "sluice/transport/connection.hpp"
#include "sluice/transport/scope.hpp"
#include "sluice/ws/http_head.hpp"
#include "sluice/ws/server_protocol.hpp"

namespace sluice::net {

/// The transport's Connection over Asio. What is read goes through machines without sockets (HttpReader,
/// ws::ServerProtocol), what is written through WriteQueue; this class moves the bytes and knows in which phase of its
/// life it is. It is written in three files: asio_connection.cpp (bytes and the end of life), http_side.cpp
/// (requests and the handshake), websocket_side.cpp (messages and Connection's calls).
///
/// Reading: an idle connection waits for readiness and holds no buffer; the bytes are then read into the shard's one
/// buffer. Writing: send() only queues; the shard writes for all at the end of the turn. Losing: while reading is
/// paused, a reset is noticed, and an orderly end unless unread bytes stand before it.
///
/// Alive while anybody holds it: a wait that is pending, a posted job, the gateway, and itself while not gone.
class AsioConnection final : public Connection, public Deadline {
 public:
  AsioConnection(Shard& shard, Stream stream, Admission::Seat seat, const asio::ip::tcp::endpoint& peer);
  ~AsioConnection() override;

  /// `self` is this connection, which holds itself until it is gone.
  void start(std::shared_ptr<AsioConnection> self);
  std::shared_ptr<AsioConnection> self() const noexcept { return self_; }
  /// The stage's deadline has passed.
  void deadline_passed();
  /// The server stops: ends as the phase allows.
  void go_away();
  /// Ends now, whatever is unsaid.
  void cut_off();
  /// The turn is over: writes what is queued, as far as the kernel takes it.
  void end_turn();
  bool seated() const noexcept { return static_cast<bool>(seat_); }

  void accept(const Acceptance& acceptance) override;
  void deny(const Denial& denial) override;
  void send(const Frame& frame) override;
  void close(const CloseReason& reason) override;
  void pause_reading() override;
  void resume_reading() override;
  std::size_t queued_bytes() const noexcept override { return queue_.bytes(); }

 private:
  enum class Phase : std::uint8_t {
    http,      // reading requests, or answering one
    opening,   // the gateway decides on a handshake
    open,      // a WebSocket
    closing,   // our close frame is on its way, the peer's is due
    leaving,   // everything is said; when it is written the connection ends
    draining,  // the write side is shut; what the peer still sends is thrown away, so that it can read our last words
    gone,
  };
  struct Http;
  struct Kept {
    std::string bytes;
    std::size_t used = 0;
  };
  template <void (AsioConnection::*on_event)()>
  struct Wait;
  template <class T>
  struct WaitAllocator;

  // asio_connection.cpp
  bool wants_bytes() const noexcept;
  bool reads_now() const noexcept { return wants_bytes() && !kept_; }
  void read_on();
  void on_readable();
  void on_writable();
  void on_loss();
  void read_burst();
  void read_failed();
  void look_for_loss();
  std::span<char> use(std::span<char> input);
  void go_on();
  void go_on_soon();
  void write_soon();
  void write_queued();
  void wait_to_write();
  void all_written();
  void leave(bool and_drain);
  void lost();
  void tell_lost();
  void end() noexcept;

  // http_side.cpp
  void begin_http(const asio::ip::tcp::endpoint& peer);
  bool answering() const noexcept;
  void read_requests(std::span<char>& input);
  void answer_request();
  void request_answered();
  void respond(const HttpResponse& response);
  void http_progress();
  void http_written();
  void open_websocket();
  Scope scope_of(const RequestInfo& request) const;
  void refuse(const ws::HttpRefusal& refusal);
  void request_late();
  void decline(std::string_view response, int status);

  // websocket_side.cpp
  void compress_as(const ws::DeflateParameters& agreed);
  void read_messages(std::span<char>& input);
  void answer_ping();
  void answer_close();
  void fail(const CloseReason& reason, Ending why);
  void too_slow();
  void begin_close(const CloseReason& reason, Ending why);
  void queue_close(const CloseReason& reason);
  void tell_closed(const CloseReason& reason, Ending why);
  void tell_now();

  // By how often they are touched: a send that is written at once looks at the first two cache lines only.
  Shard& shard_;
  WriteQueue queue_;
  std::shared_ptr<ws::FrameDeflater> deflater_;  // if messages are compressed
  Phase phase_ = Phase::http;
  Ending ending_ = Ending::by_gateway;  // of a close that this side began
  bool will_write_ = false;             // the shard knows
  bool waits_writable_ = false;
  bool waits_readable_ = false;
  bool waits_for_loss_ = false;
  bool wait_memory_taken_ = false;
  bool paused_ = false;
  bool goes_on_soon_ = false;
  bool drains_ = false;   // leaving is followed by draining
  bool in_open_ = false;  // inside Gateway::open: the events are not known yet
  bool told_ = false;     // on_closed is posted, or will be as soon as the events are known
  bool counted_ = false;  // among the open WebSockets
  Stream stream_;
  std::shared_ptr<ConnectionEvents> events_;  // until told
  ws::ServerProtocol protocol_;
  std::unique_ptr<Kept> kept_;                // read, but not wanted yet
  std::unique_ptr<Http> http_;                // until the handshake is accepted
  std::unique_ptr<CloseReason> closed_with_;  // what on_closed will say
  std::shared_ptr<AsioConnection> self_;      // until gone
  Admission::Seat seat_;
  alignas(void*) std::array<std::byte, 96> wait_memory_;  // of the pending wait for readability
};

}  // namespace sluice::net
