// SPDX-License-Identifier: MIT
// How long an open WebSocket may live, and how much it may say; see asio_connection.hpp.
#include "net/asio_connection.hpp"
#include "net/http_stage.hpp"

#include <algorithm>
#include <utility>

namespace sluice::net {
namespace {

constexpr std::uint8_t ping_opcode = 0x9;

// Most peers send a message or a pong now and then only. A rate limiter that is full again is destroyed after this
// time.
constexpr std::chrono::milliseconds limiter_checked_after{1000};

}  // namespace

// --- life

void AsioConnection::begin_life() {
  shard_.look_at_clock();
  keep_alive_.begin(shard_.limits(), shard_.tick(), shard_.chance());
  plan_next_check();
}

void AsioConnection::plan_next_check() {
  if (throttled()) return shard_.enter(*this, Shard::Stage::throttled);
  if (said_last_word()) return;  // it has the deadline of an end
  auto wait = keep_alive_.next_check(shard_.limits(), shard_.tick());
  const auto check_within = [&wait](std::chrono::milliseconds time) { wait = std::min(wait.value_or(time), time); };
  if (rare_ && rare_->limiter) check_within(limiter_checked_after);
  const auto message_time = shard_.limits().message_time;
  if (rare_ && rare_->begun && message_time.count() > 0) {
    check_within(message_time - std::chrono::milliseconds(shard_.tick() - *rare_->begun));
  }
  shard_.enter_open(*this, wait);
}

void AsioConnection::check_life() {
  forget_full_limiter();
  if (message_is_late()) {
    return fail(CloseReason(close_code::policy_violation, "the message took too long"), Ending::late_message);
  }
  switch (keep_alive_.check(shard_.limits(), shard_.tick())) {
    case KeepAlive::Verdict::alive: break;
    case KeepAlive::Verdict::ping_due: ping(); break;
    case KeepAlive::Verdict::timed_out:
      if (unread_bytes()) {
        keep_alive_.on_bytes(shard_.tick());
      } else if (pong_can_come()) {
        keep_alive_.extend_pong_wait(shard_.limits(), shard_.tick());
      } else {
        return timed_out();
      }
      break;
    case KeepAlive::Verdict::idle: return begin_close(CloseReason(close_code::normal, "idle"), Ending::idle);
    case KeepAlive::Verdict::expired:
      return begin_close(CloseReason(close_code::going_away, "its time is up"), Ending::too_old);
  }
  plan_next_check();
}

// Bytes that wait in the kernel prove that the peer is alive: a busy consumer has paused reading, or a handler has
// blocked this thread.
bool AsioConnection::unread_bytes() noexcept { return stream_.look() == Stream::Waiting::bytes; }

bool AsioConnection::pong_can_come() {
  const auto now = stream_.tcp_progress();
  if (!now) return false;
  auto& late = rare().late_pong;
  if (!late) late.emplace();
  return late->can_come(*now, shard_.limits().pong_time);
}

// The time during which a busy gateway or the throttle stops reading does not count against the peer.
bool AsioConnection::message_is_late() noexcept {
  const auto limit = shard_.limits().message_time;
  if (!rare_ || !rare_->begun || limit.count() == 0) return false;
  if (paused_ || throttled()) rare_->begun = shard_.tick();
  return std::chrono::milliseconds(shard_.tick() - *rare_->begun) >= limit;
}

void AsioConnection::ping() {
  if (rare_) rare_->late_pong.reset();
  shard_.counters().pings.add();
  const Frame frame = shard_.frames().encode_control(ping_opcode, {});
  if (waits_writable_) return queue_.push_ping(frame.wire(), shard_.spares());
  queue_.push(frame, shard_.spares());
  write_soon();
}

// Queued messages are dropped: most likely the peer has vanished. A peer that was merely cut off for a while receives
// the reason with 1011, as other servers send it: RFC 6455 has no code for an unanswered ping.
void AsioConnection::timed_out() {
  drop_waiting();
  queue_close(CloseReason(close_code::internal_error, "no answer to a ping"));
  tell_closed(CloseReason(close_code::abnormal), Ending::timed_out);
  leave(true);
}

// --- rates

RateLimiter& AsioConnection::limiter() {
  auto& limiter = rare().limiter;
  if (!limiter) {
    limiter.emplace();
    plan_next_check();
  }
  return *limiter;
}

void AsioConnection::forget_full_limiter() noexcept {
  if (!rare_ || !rare_->limiter || !rare_->limiter->full(shard_.now())) return;
  rare_->limiter.reset();
  keep_if_used();
}

void AsioConnection::count_bytes(std::size_t bytes) {
  const auto now = shard_.look_at_clock();
  keep_alive_.on_bytes(shard_.tick());
  if (shard_.rates().bytes.bounded()) limiter().on_bytes(shard_.rates(), bytes, now);
}

// A compressed message is counted with its size after decompression, which is the work that it causes.
void AsioConnection::count_inflated(const ws::DeflateTotals& before) {
  const ws::DeflateTotals& now = shard_.deflate().received();
  const std::uint64_t plain = now.plain_bytes - before.plain_bytes, wire = now.wire_bytes - before.wire_bytes;
  if (plain <= wire || phase_ != Phase::open || !shard_.rates().bytes.bounded()) return;
  limiter().on_bytes(shard_.rates(), plain - wire, shard_.now());
}

// False: the connection is closed, because the messages exceed the rate. With RateExcess::throttle they are still
// delivered.
bool AsioConnection::count_messages(std::size_t messages) {
  if (messages > 0 && phase_ == Phase::open && shard_.rates().messages.bounded()) {
    apply(limiter().on_messages(shard_.rates(), messages, shard_.now()));
  }
  return phase_ == Phase::open;
}

void AsioConnection::check_rates() {
  if (rare_ && rare_->limiter) apply(rare_->limiter->check(shard_.rates(), shard_.now()));
}

void AsioConnection::apply(RateLimiter::Verdict verdict) {
  switch (verdict) {
    case RateLimiter::Verdict::within_rate: return;
    case RateLimiter::Verdict::throttle:
      shard_.counters().throttled.add();
      return shard_.enter(*this, Shard::Stage::throttled);
    case RateLimiter::Verdict::close:
      return fail(CloseReason(close_code::policy_violation, "too fast"), Ending::too_fast);
  }
}

// A connection that is throttled again and again is in no other list, so its pings and its lifetime are checked here.
void AsioConnection::resume_throttled() {
  if (!rare_ || !rare_->limiter || rare_->limiter->resume(shard_.rates(), shard_.now())) resume_soon();
  check_life();
}

// --- what waits, with all others

void AsioConnection::queue_changed(std::size_t before) noexcept {
  if (waits_writable_) shard_.waiting_changed(before, queue_.held_bytes());
}

std::size_t AsioConnection::held(Held what) const noexcept {
  if (what == Held::unused) return rare_ ? rare_->unused : 0;
  return phase_ == Phase::open && waits_writable_ ? queue_.held_bytes() : 0;
}

void AsioConnection::shed(Held what) {
  if (what == Held::unused && phase_ == Phase::http && http().wants_bytes()) {
    return http().refuse({503, "the server is full", {{"Retry-After", "5"}}});
  }
  if (phase_ != Phase::open) return;
  drop_waiting();
  if (what == Held::queued) {
    return fail(CloseReason(close_code::try_again_later, "too slow, and the server is full"), Ending::shed);
  }
  fail(CloseReason(close_code::try_again_later, "too much is unused, and the server is full"), Ending::shed_unused);
}

}  // namespace sluice::net
