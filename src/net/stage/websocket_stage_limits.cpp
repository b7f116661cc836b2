// SPDX-License-Identifier: MIT
// What a WebSocketStage does about its limits; see websocket_limits.hpp for the decisions.
#include "net/stage/asio_connection.hpp"
#include "net/stage/websocket_stage.hpp"

namespace sluice::net {
namespace {

constexpr std::uint8_t ping_opcode = 0x9;

}  // namespace

void WebSocketStage::plan_next_check() {
  if (limits_.throttled()) return shard().deadlines().enter(connection_, ShardDeadlines::Kind::throttled);
  if (peer_ended()) return;  // it has the deadline of an end
  shard().deadlines().enter_open(connection_, limits_.next_check(shard().limits_now()));
}

void WebSocketStage::check_limits() {
  switch (limits_.check(shard().limits_now(), !paused_ && !limits_.throttled())) {
    case WebSocketLimits::Verdict::ok: break;
    case WebSocketLimits::Verdict::ping_due: ping(); break;
    case WebSocketLimits::Verdict::pong_missing: {
      // Bytes that wait in the kernel prove that the peer is alive: a busy consumer has paused reading, or a handler
      // has blocked this thread.
      Stream& stream = connection_.socket().stream();
      if (stream.look() == Stream::Waiting::bytes) {
        limits_.on_alive(shard().tick());
      } else if (!limits_.wait_for_pong(shard().limits_now(), stream.tcp_progress())) {
        return time_out();
      }
      break;
    }
    case WebSocketLimits::Verdict::idle: return begin_close(CloseReason(close_code::normal, "idle"), CloseCause::idle);
    case WebSocketLimits::Verdict::expired:
      return begin_close(CloseReason(close_code::going_away, "its time is up"), CloseCause::too_old);
    case WebSocketLimits::Verdict::message_late:
      return fail(CloseReason(close_code::policy_violation, "the message took too long"), CloseCause::late_message);
  }
  plan_next_check();
}

void WebSocketStage::ping() {
  shard().counters().pings.add();
  if (connection_.socket().push_ping(shard().buffers().frames().encode_control(ping_opcode, {})))
    connection_.write_soon();
}

// Queued messages are dropped: most likely the peer has vanished. A peer that was merely cut off for a while receives
// the reason with 1011, as other servers send it: RFC 6455 has no code for an unanswered ping.
void WebSocketStage::time_out() {
  connection_.socket().drop_waiting();
  queue_close(CloseReason(close_code::internal_error, "no answer to a ping"));
  finish(CloseReason(close_code::abnormal), CloseCause::timed_out);
  connection_.leave(true);
}

// Messages that wait are dropped, but not the rest of one that is partly written: a client that is merely slow still
// receives the reason.
void WebSocketStage::too_slow() {
  connection_.socket().drop_waiting();
  fail(CloseReason(close_code::try_again_later, "too slow"), CloseCause::too_slow);
}

void WebSocketStage::on_room() { limits_.on_alive(shard().tick()); }

void WebSocketStage::count_received(std::size_t bytes) {
  shard().read_clock();
  limits_.on_alive(shard().tick());
  count_bytes(bytes);
}

void WebSocketStage::count_bytes(std::size_t bytes) {
  if (!shard().rates().bytes.bounded()) return;
  if (limits_.start_counting()) plan_next_check();
  limits_.count_bytes(shard().limits_now(), bytes);
}

// False: the connection is closed, because the messages exceed the rate. With RateExcess::throttle they are still
// delivered.
bool WebSocketStage::count_messages(std::size_t messages) {
  if (messages > 0 && open() && shard().rates().messages.bounded()) {
    if (limits_.start_counting()) plan_next_check();
    apply(limits_.count_messages(shard().limits_now(), messages));
  }
  return open();
}

void WebSocketStage::check_rates() {
  if (open() && !peer_ended()) apply(limits_.check_rates(shard().limits_now()));
}

void WebSocketStage::apply(RateLimiter::Verdict verdict) {
  switch (verdict) {
    case RateLimiter::Verdict::within_rate: return;
    case RateLimiter::Verdict::throttle:
      shard().counters().throttled.add();
      return shard().deadlines().enter(connection_, ShardDeadlines::Kind::throttled);
    case RateLimiter::Verdict::close:
      return fail(CloseReason(close_code::policy_violation, "too fast"), CloseCause::too_fast);
  }
}

// A connection that is throttled again and again is in no other list, so its other limits are checked here, too.
void WebSocketStage::on_deadline() {
  if (peer_ended()) return end_after_peer();
  if (limits_.resume(shard().limits_now())) connection_.resume_soon();
  check_limits();
}

}  // namespace sluice::net
