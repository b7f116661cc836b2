// SPDX-License-Identifier: MIT
#include "net/stage/limits_enforcer.hpp"

#include "net/stage/asio_connection.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

using Phase = AsioConnection::Phase;

constexpr std::uint8_t ping_opcode = 0x9;

}  // namespace

void LimitsEnforcer::begin(AsioConnection& connection) {
  ServerShard& shard = connection.shard();
  shard.read_clock();
  limits_.begin(shard.limits_now(), shard.random());
  plan_next_check(connection);
}

void LimitsEnforcer::plan_next_check(AsioConnection& connection) {
  ServerShard& shard = connection.shard();
  if (limits_.throttled()) return shard.deadlines().enter(connection, ShardDeadlines::Kind::throttled);
  if (MessageReader::peer_end(connection)) return;  // it has the deadline of an end
  shard.deadlines().enter_open(connection, limits_.next_check(shard.limits_now()));
}

void LimitsEnforcer::check(AsioConnection& connection) {
  ServerShard& shard = connection.shard();
  WebSocketStage& stage = connection.websocket();
  switch (limits_.check(shard.limits_now(), !stage.reader().paused() && !limits_.throttled())) {
    case WebSocketLimits::Verdict::ok: break;
    case WebSocketLimits::Verdict::ping_due: ping(connection); break;
    case WebSocketLimits::Verdict::pong_missing: {
      // Bytes that wait in the kernel prove that the peer is alive: a busy consumer has paused reading, or a handler
      // has blocked this thread.
      Stream& stream = connection.socket().stream();
      if (stream.look() == Stream::Waiting::bytes) {
        limits_.on_alive(shard.tick());
      } else if (!limits_.wait_for_pong(shard.limits_now(), stream.tcp_progress())) {
        return stage.time_out();
      }
      break;
    }
    case WebSocketLimits::Verdict::idle:
      return stage.begin_close(CloseReason(close_code::normal, "idle"), CloseCause::idle);
    case WebSocketLimits::Verdict::expired:
      return stage.begin_close(CloseReason(close_code::going_away, "the lifetime has ended"), CloseCause::too_old);
    case WebSocketLimits::Verdict::message_late:
      return stage.fail(CloseReason(close_code::policy_violation, "the message took too long"),
                        CloseCause::late_message);
  }
  plan_next_check(connection);
}

void LimitsEnforcer::ping(AsioConnection& connection) {
  ServerShard& shard = connection.shard();
  shard.counters().pings.add();
  if (connection.socket().push_ping(shard.buffers().frames().encode_control(ping_opcode, {}))) connection.write_soon();
}

void LimitsEnforcer::on_room(ServerShard& shard) { limits_.on_alive(shard.tick()); }

void LimitsEnforcer::on_message_received(ServerShard& shard) {
  limits_.on_message(shard.tick());
  limits_.message_ended();
}

void LimitsEnforcer::on_message_sent(ServerShard& shard) { limits_.on_message(shard.tick()); }

void LimitsEnforcer::note_message_begun(AsioConnection& connection, bool begun) {
  if (!begun) return limits_.message_ended();
  if (limits_.message_begun(connection.shard().limits_now())) plan_next_check(connection);
}

void LimitsEnforcer::count_received(AsioConnection& connection, std::size_t bytes) {
  ServerShard& shard = connection.shard();
  shard.read_clock();
  limits_.on_alive(shard.tick());
  count_bytes(connection, bytes);
}

void LimitsEnforcer::count_bytes(AsioConnection& connection, std::size_t bytes) {
  ServerShard& shard = connection.shard();
  if (!shard.rates().bytes.bounded()) return;
  if (limits_.start_counting()) plan_next_check(connection);
  limits_.count_bytes(shard.limits_now(), bytes);
}

bool LimitsEnforcer::count_messages(AsioConnection& connection, std::size_t messages) {
  ServerShard& shard = connection.shard();
  if (messages > 0 && connection.phase() == Phase::open && shard.rates().messages.bounded()) {
    if (limits_.start_counting()) plan_next_check(connection);
    apply(connection, limits_.count_messages(shard.limits_now(), messages));
  }
  return connection.phase() == Phase::open;
}

void LimitsEnforcer::check_rates(AsioConnection& connection) {
  if (connection.phase() != Phase::open || MessageReader::peer_end(connection)) return;
  apply(connection, limits_.check_rates(connection.shard().limits_now()));
}

void LimitsEnforcer::apply(AsioConnection& connection, RateLimiter::Verdict verdict) {
  ServerShard& shard = connection.shard();
  switch (verdict) {
    case RateLimiter::Verdict::within_rate: return;
    case RateLimiter::Verdict::throttle:
      shard.counters().throttled.add();
      return shard.deadlines().enter(connection, ShardDeadlines::Kind::throttled);
    case RateLimiter::Verdict::close:
      return connection.websocket().fail(CloseReason(close_code::policy_violation, "too fast"), CloseCause::too_fast);
  }
}

// A connection that is throttled again and again is in no other list, so its other limits are checked here, too.
void LimitsEnforcer::on_deadline(AsioConnection& connection) {
  if (MessageReader::peer_end(connection)) return connection.websocket().end_after_peer();
  if (limits_.resume(connection.shard().limits_now())) connection.resume_soon();
  check(connection);
}

}  // namespace sluice::SLUICE_ABI::net
