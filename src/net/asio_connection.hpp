// SPDX-License-Identifier: MIT
// One TCP connection: HTTP requests at first, then perhaps a WebSocket until the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/admission.hpp"
#include "net/counters.hpp"
#include "net/deadline_list.hpp"
#include "net/shard.hpp"
#include "net/stream.hpp"
#include "net/token_bucket.hpp"
#include "net/validity.hpp"
#include "net/write_queue.hpp"
#include "sluice/transport/connection.hpp"
#include "sluice/transport/scope.hpp"
#include "ws/http_head.hpp"
#include "ws/server_protocol.hpp"

namespace sluice::net {

/// The transport's Connection over Asio. What is read goes through machines without sockets (HttpReader,
/// ws::ServerProtocol), what is written through WriteQueue; this class moves the bytes and knows in which phase of its
/// life it is. It is written in five files: asio_connection.cpp (bytes and the end of life), proxy_side.cpp (who is at
/// the other end), http_side.cpp (requests and the handshake), websocket_side.cpp (messages and Connection's calls),
/// limits_side.cpp (how long an open WebSocket may live, and how much it may say).
///
/// Reading: the shard's poller tells of readiness, and the bytes are then read into the shard's one buffer. Writing:
/// send() only queues; the shard writes for all at the end of the turn. Losing: while reading is paused, a reset is
/// noticed, and an orderly end unless unread bytes stand before it.
///
/// Alive while anybody holds it: a posted job, the gateway, and itself while not gone and until the end of that turn.
class AsioConnection final : public Connection, public Deadline {
 public:
  AsioConnection(Shard& shard, Arrival arrival, Admission::Seat seat);
  ~AsioConnection() override;

  /// `self` is this connection, which holds itself until it is gone.
  void start(std::shared_ptr<AsioConnection> self);
  std::shared_ptr<AsioConnection> self() const noexcept { return self_; }
  /// The socket is ready for something.
  void on_ready(Poller::Readiness ready);
  /// The stage's deadline has passed.
  void deadline_passed();
  /// An open WebSocket, now in no list: may it stay?
  void look_at_life();
  /// Bytes of an open WebSocket that its network does not take.
  std::size_t waiting_bytes() const noexcept { return phase_ == Phase::open && waits_writable_ ? queue_.bytes() : 0; }
  /// Slow readers hold too much, and this one most.
  void shed();
  /// The server stops, and it is this one's turn: what is in hand may end in good order.
  void go_away();
  /// Ends now. A WebSocket is told why if the kernel takes it at once.
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
  void tell_when_drained() override;

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
  struct Allowance {
    TokenBucket messages, bytes;
  };
  // What an idle connection has not.
  struct Rare {
    std::unique_ptr<Http> http;                   // until the handshake is accepted
    std::optional<Kept> kept;                     // read, but not wanted yet
    std::optional<Allowance> allowance;           // what is left of its rates, if it used some lately
    std::optional<CloseReason> closed_with;       // what on_closed will say
    std::shared_ptr<ws::FrameDeflater> deflater;  // if messages are compressed
  };

  // asio_connection.cpp
  bool wants_bytes() const noexcept;
  bool reads_now() const noexcept { return wants_bytes() && !(rare_ && rare_->kept); }
  bool watches() const noexcept;
  void read_on();
  void use_unread();
  void on_writable();
  void read_burst();
  void read_failed();
  void look_for_loss();
  std::span<char> use(std::span<char> input);
  void go_on();
  void go_on_soon();
  void write_soon();
  void write_queued();
  Moved write_once();
  void wait_to_write();
  void all_written();
  void leave(bool and_drain);
  void lost();
  void tell_lost();
  void end() noexcept;
  Rare& rare();
  void keep_if_used() noexcept;

  // proxy_side.cpp
  void begin_http(const asio::ip::tcp::endpoint& peer, bool proxy_protocol);
  bool awaits_proxy_header() const noexcept;
  void read_proxy_header();
  void take_proxy_header();
  void proxy_header_missing();
  bool count_for(const asio::ip::tcp::endpoint& client);
  void give_up_seat();
  void refuse_for_want_of_seats();
  bool identify();

  // http_side.cpp
  Http& http() const noexcept { return *rare_->http; }
  bool has_http() const noexcept { return rare_ && rare_->http; }
  void end_http() noexcept;
  bool answering() const noexcept;
  void read_requests(std::span<char>& input);
  void answer_request();
  void request_answered();
  void respond(const HttpResponse& response);
  void http_progress();
  void http_written();
  void leave_if_idle();
  Scope scope_of(const RequestInfo& request) const;
  void open_websocket();
  void refuse(const ws::HttpRefusal& refusal);
  void request_late();
  void decline(std::string_view response, int status);

  // websocket_side.cpp
  void compress_as(const ws::DeflateParameters& agreed);
  void read_messages(std::span<char>& input);
  void hear_messages(std::span<char>& input);
  void answer_ping();
  void answer_close();
  void say_goodbye();
  void fail(const CloseReason& reason, Ending why);
  void too_slow();
  void drop_waiting();
  void tell_drained();
  void begin_close(const CloseReason& reason, Ending why);
  void queue_close(const CloseReason& reason);
  void tell_closed(const CloseReason& reason, Ending why);
  void tell_now();

  // limits_side.cpp
  void begin_life();
  void go_on_living();
  Allowance& allowance();
  void forget_full_allowance() noexcept;
  void heard(std::size_t bytes);
  bool spends_a_message();
  bool overdrawn() const noexcept;
  void too_fast();
  void look_at_allowance();
  void ping();
  void timed_out();
  bool unread_bytes() noexcept;
  void queue_changed(std::size_t before) noexcept;

  // By how often they are touched: a send that is written at once looks at the first two cache lines only.
  Shard& shard_;
  WriteQueue queue_;
  Phase phase_ = Phase::http;
  Ending ending_ = Ending::by_gateway;  // of a close that this side began
  bool will_write_ = false;             // the shard knows
  bool waits_writable_ = false;
  bool wants_drained_ = false;
  bool unread_ = false;      // the socket may hold bytes, which will not be told again
  bool peer_ended_ = false;  // behind what is unread
  bool paused_ = false;
  bool throttled_ = false;  // it was too fast
  bool goes_on_soon_ = false;
  bool drains_ = false;   // leaving is followed by draining
  bool in_open_ = false;  // inside Gateway::open: the events are not known yet
  bool told_ = false;     // on_closed is posted, or will be as soon as the events are known
  bool counted_ = false;  // among the open WebSockets
  bool going_ = false;    // on_stop was called
  bool deflates_ = false;
  Validity validity_;
  Stream stream_;
  std::shared_ptr<ConnectionEvents> events_;      // until told
  std::unique_ptr<ws::ServerProtocol> protocol_;  // lent by the shard, while it is not empty
  std::unique_ptr<Rare> rare_;                    // null while all of it is
  std::shared_ptr<AsioConnection> self_;          // until gone
  Admission::Seat seat_;
};

}  // namespace sluice::net
