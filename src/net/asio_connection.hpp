// SPDX-License-Identifier: MIT
// One TCP connection: HTTP requests at first, then perhaps a WebSocket until the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/admission.hpp"
#include "net/counters.hpp"
#include "net/deadline_list.hpp"
#include "net/keep_alive.hpp"
#include "net/rate_limiter.hpp"
#include "net/read_ahead.hpp"
#include "net/shard.hpp"
#include "net/stream.hpp"
#include "net/write_queue.hpp"
#include "sluice/transport/connection.hpp"
#include "ws/deflate_negotiation.hpp"
#include "ws/server_protocol.hpp"

namespace sluice::net {

class HttpStage;

/// The transport's Connection over Asio. What is read goes through machines without sockets (HttpReader,
/// ws::ServerProtocol), what is written through WriteQueue; this class moves the bytes and knows in which phase of its
/// life it is. Until a handshake is accepted its HttpStage uses what is read. It is written in four files:
/// asio_connection.cpp (writing and the end of life), reading_side.cpp (what is read, and in which turn it is used),
/// websocket_side.cpp (messages and Connection's calls), limits_side.cpp (how long an open WebSocket may live, and how
/// much it may say and hold).
///
/// Reading: the shard's poller tells of readiness, and the bytes are then read into the shard's one buffer. While a
/// gateway has paused it, a little is read ahead: pings are answered, messages wait, and a close or an end of the peer
/// waits behind them. A connection that had its share of a turn goes on in one of its own. Writing: send() only queues;
/// the shard writes for all at the end of the turn. Losing: a connection that failed is over as soon as that is
/// noticed, but what the peer had sent before is still delivered.
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
  /// An open WebSocket, now in no list: is a ping due, or its end?
  void check_life();
  /// Continues with what was put off.
  void resume();
  /// Bytes of an open WebSocket that its network does not take, or of anybody that are read and not used yet.
  std::size_t held(Held what) const noexcept;
  /// All hold too much together, and this one most.
  void shed(Held what);
  /// The server stops, and it is this one's turn: what is in hand may end in good order.
  void go_away();
  /// Ends now. A WebSocket is told why if the kernel takes it at once.
  void cut_off();
  /// The turn is over: writes what is queued, as far as the kernel takes it.
  void end_turn();
  /// The turn in which it ended is over: it is destroyed, unless somebody holds it.
  void let_go() noexcept;
  /// A handler at work is destroyed where it stands.
  void drop_request() noexcept;
  /// Runs a part of this connection's life: whatever it throws ends this connection, and no other.
  template <class Work>
  void guarded(Work work) noexcept;

  void accept(const Acceptance& acceptance) override;
  void deny(const Denial& denial) override;
  void send(const Frame& frame) override;
  void close(const CloseReason& reason) override;
  void pause_reading() override;
  void resume_reading() override;
  std::size_t queued_bytes() const noexcept override { return queue_.bytes(); }
  void tell_when_drained() override;

  // What its stages use.
  Shard& shard() noexcept { return shard_; }
  Stream& stream() noexcept { return stream_; }
  Admission::Seat& seat() noexcept { return seat_; }
  bool seated() const noexcept { return static_cast<bool>(seat_); }
  bool speaks_http() const noexcept { return phase_ == Phase::http; }
  bool over() const noexcept { return phase_ == Phase::gone; }
  /// Queues bytes that are no WebSocket frame.
  void queue_bytes(std::string_view bytes);
  /// Continues in a turn of its own with what was put off.
  void resume_soon();
  /// Ends once all that is queued is written; `and_drain`: reads on until the peer has read that, too.
  void leave(bool and_drain);
  /// The connection has failed.
  void lost();
  /// Closes the socket now.
  void end() noexcept;
  /// The events of the WebSocket that the gateway opens; null if it threw.
  void attach(std::shared_ptr<ConnectionEvents> events);
  /// The gateway threw, perhaps after it had accepted.
  void gateway_failed();
  /// Posts on_closed, once.
  void tell_closed(const CloseReason& reason, Ending why);

 private:
  void broke(std::exception_ptr error) noexcept;

  enum class Phase : std::uint8_t {
    http,      // requests, and a handshake that the gateway decides on
    open,      // a WebSocket
    closing,   // our close frame is on its way, the peer's is due
    leaving,   // everything is said; when it is written the connection ends
    draining,  // the write side is shut; what the peer still sends is thrown away, so that it can read our last words
    gone,
  };
  struct Kept {
    std::string bytes;
    std::size_t used = 0;
  };
  enum class LastWord : std::uint8_t { close, end };
  // What a peer had not taken when it was last looked at, and how much of that it is to take until the next look.
  struct Untaken {
    std::size_t bytes, share;
  };
  // What an idle connection has not.
  struct Rare {
    std::unique_ptr<HttpStage> http;     // until a handshake is accepted
    std::optional<Kept> kept;            // read, but not wanted yet
    std::optional<ReadAhead> ahead;      // messages for a gateway that is busy; not empty
    std::optional<LastWord> last_word;   // of the peer, which comes behind all that
    std::size_t unused = 0;              // bytes of all that and of a message that has begun, as counted
    std::optional<Tick> begun;           // when that message did
    std::optional<RateLimiter> limiter;  // while tokens are missing
    std::optional<LatePong> late_pong;
    std::optional<Untaken> untaken;               // once its side of an end is due
    std::optional<CloseReason> closed_with;       // what on_closed will say
    std::shared_ptr<ws::FrameDeflater> deflater;  // if messages are compressed
  };

  // reading_side.cpp
  bool wants_bytes() const noexcept;
  bool has_kept() const noexcept { return rare_ && rare_->kept; }
  bool has_ahead() const noexcept { return rare_ && rare_->ahead; }
  bool said_last_word() const noexcept { return rare_ && rare_->last_word; }
  bool has_room_ahead() const noexcept;
  HttpStage& http() const noexcept { return *rare_->http; }
  bool has_http() const noexcept { return rare_ && rare_->http; }
  void end_http() noexcept;
  bool opening() const noexcept;
  bool read_late_bytes();
  bool reads_now() const noexcept { return wants_bytes() && !has_kept(); }
  bool watches() const noexcept;
  void read_on();
  void use_unread();
  void read_burst();
  void read_failed();
  void look_for_loss();
  std::span<char> use(std::span<char> input);
  void keep(std::span<char> rest);
  void use_kept();
  void peer_ended();
  void note_last_word(LastWord word);
  void come_to_last_word();
  void hear_last_word();
  void take_stock();
  std::size_t unused_bytes() const noexcept;
  void hear_the_rest();

  // asio_connection.cpp
  void on_writable();
  void write_soon();
  void write_queued();
  IoResult write_once();
  bool note_written(std::size_t bytes) noexcept;
  void release_shared();
  void wait_to_write();
  void all_written();
  bool takes_its_share();
  void tell_lost();
  Rare& rare();
  void keep_if_used() noexcept;

  // websocket_side.cpp
  void compress_as(const ws::DeflateParameters& agreed);
  void read_messages(std::span<char>& input);
  void hear_messages(std::span<char>& input);
  void hear(Message message);
  void deliver(Message message);
  void deliver_ahead();
  void answer_ping();
  void say_goodbye();
  void fail(const CloseReason& reason, Ending why);
  void too_slow();
  void drop_waiting();
  void tell_drained();
  void begin_close(const CloseReason& reason, Ending why);
  void queue_close(const CloseReason& reason);
  void tell_now();
  static void say_closed(ConnectionEvents& events, std::optional<ReadAhead>& ahead, const CloseReason& reason) noexcept;

  // limits_side.cpp
  void begin_life();
  void plan_next_check();
  bool throttled() const noexcept { return rare_ && rare_->limiter && rare_->limiter->throttled(); }
  RateLimiter& limiter();
  void forget_full_limiter() noexcept;
  void count_bytes(std::size_t bytes);
  bool count_messages(std::size_t messages);
  void count_inflated(const ws::DeflateTotals& before);
  void check_rates();
  void apply(RateLimiter::Verdict verdict);
  void resume_throttled();
  bool message_is_late() noexcept;
  bool pong_can_come();
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
  bool resumes_soon_ = false;
  bool told_ = false;         // on_closed is posted, or will be as soon as the events are known
  bool counted_ = false;      // among the open WebSockets
  bool going_ = false;        // on_stop was called
  bool greedy_ : 1 = false;   // it has had its share of a turn
  bool parting_ : 1 = false;  // the connection has failed, and what it brought before is read
  bool drains_ : 1 = false;   // leaving is followed by draining
  bool deflates_ : 1 = false;
  KeepAlive keep_alive_;
  Stream stream_;
  std::shared_ptr<ConnectionEvents> events_;      // until told
  std::unique_ptr<ws::ServerProtocol> protocol_;  // lent by the shard, while it is not empty
  std::unique_ptr<Rare> rare_;                    // null while all of it is
  std::shared_ptr<AsioConnection> self_;          // until gone
  Admission::Seat seat_;
};

template <class Work>
void AsioConnection::guarded(Work work) noexcept {
  try {
    work();
    if (told_ && events_) tell_now();  // there was no memory for the job before
  } catch (...) {
    broke(std::current_exception());
  }
}

}  // namespace sluice::net
