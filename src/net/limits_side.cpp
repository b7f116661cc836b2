// SPDX-License-Identifier: MIT
// How long an open WebSocket may live, and how much it may say; see asio_connection.hpp.
#include "net/asio_connection.hpp"

#include <algorithm>
#include <utility>

namespace sluice::net {
namespace {

constexpr std::uint8_t ping_opcode = 0x9;

// Most peers say something now and then only, and be it a pong: what is known of their rates is forgotten so soon.
constexpr std::chrono::milliseconds allowance_looked_at_after{1000};

}  // namespace

// --- life

void AsioConnection::begin_life() {
  shard_.look_at_clock();
  validity_.begin(shard_.limits(), shard_.tick(), shard_.chance());
  go_on_living();
}

void AsioConnection::go_on_living() {
  if (throttled_) return shard_.enter(*this, Shard::Stage::throttled);
  if (said_last_word()) return;  // it is among those that close
  auto rest = validity_.rest(shard_.limits(), shard_.tick());
  const auto look_within = [&rest](std::chrono::milliseconds time) { rest = std::min(rest.value_or(time), time); };
  if (rare_ && rare_->allowance) look_within(allowance_looked_at_after);
  const auto message_time = shard_.limits().message_time;
  if (rare_ && rare_->begun && message_time.count() > 0) {
    look_within(message_time - std::chrono::milliseconds(shard_.tick() - *rare_->begun));
  }
  shard_.enter_open(*this, rest);
}

void AsioConnection::look_at_life() {
  forget_full_allowance();
  if (message_is_late()) {
    return fail(CloseReason(close_code::policy_violation, "the message took too long"), Ending::late_message);
  }
  switch (validity_.judge(shard_.limits(), shard_.tick())) {
    case Validity::Verdict::stands: break;
    case Validity::Verdict::ping: ping(); break;
    case Validity::Verdict::timed_out:
      if (unread_bytes()) {
        validity_.heard(shard_.tick());
      } else if (takes_what_it_is_sent()) {
        validity_.wait_again(shard_.limits(), shard_.tick());
      } else {
        return timed_out();
      }
      break;
    case Validity::Verdict::idle: return begin_close(CloseReason(close_code::normal, "idle"), Ending::idle);
    case Validity::Verdict::too_old:
      return begin_close(CloseReason(close_code::going_away, "its time is up"), Ending::too_old);
  }
  go_on_living();
}

// Bytes that wait in the kernel are a sign of life: a consumer that is busy has us not read them, or a handler has kept
// this thread.
bool AsioConnection::unread_bytes() noexcept { return stream_.look() == Stream::Waiting::bytes; }

// The ping may stand behind megabytes in the kernel, and its pong behind what the peer has not read yet. Looked at only
// when a pong is missed: is there anybody who takes it? An old acknowledgement is none, and a window that is asked
// about again and again is acknowledged, too: so the second time more bytes must have been taken, and as long as some
// are on their way. Once all are taken, an acknowledgement without further bytes says that the peer's program reads.
bool AsioConnection::takes_what_it_is_sent() {
  const auto now = stream_.delivery();
  if (!now) return false;
  const auto before = std::exchange(rare().delivery, now);
  const bool on_its_way = now->unacknowledged > 0;
  const bool lately = now->since_ack < (on_its_way ? shard_.limits().pong_time : shard_.limits().pong_time / 2);
  if (!before) return lately;
  if (now->acknowledged > before->acknowledged) return on_its_way || before->unacknowledged > 0;
  return !on_its_way && lately;
}

// The time that a busy gateway or our own throttle takes is not the peer's.
bool AsioConnection::message_is_late() noexcept {
  const auto limit = shard_.limits().message_time;
  if (!rare_ || !rare_->begun || limit.count() == 0) return false;
  if (paused_ || throttled_) rare_->begun = shard_.tick();
  return std::chrono::milliseconds(shard_.tick() - *rare_->begun) >= limit;
}

void AsioConnection::ping() {
  if (rare_) rare_->delivery.reset();
  shard_.counters().pings.add();
  const Frame frame = shard_.frames().encode_control(ping_opcode, {});
  if (waits_writable_) return queue_.push_ping(frame.wire(), shard_.spares());
  queue_.push(frame, shard_.spares());
  write_soon();
}

// Most likely nobody is there, and what waits is for nobody. A peer that was merely cut off for a while learns that it
// is not heard any more: 1011, as other servers do, because no code of RFC 6455 says "you did not answer".
void AsioConnection::timed_out() {
  drop_waiting();
  queue_close(CloseReason(close_code::internal_error, "no answer to a ping"));
  tell_closed(CloseReason(close_code::abnormal), Ending::timed_out);
  leave(true);
}

// --- rates

AsioConnection::Allowance& AsioConnection::allowance() {
  auto& kept = rare().allowance;
  if (!kept) {
    kept.emplace();
    go_on_living();
  }
  return *kept;
}

void AsioConnection::forget_full_allowance() noexcept {
  if (!rare_ || !rare_->allowance) return;
  const Allowance& left = *rare_->allowance;
  if (!left.messages.full(shard_.now()) || !left.bytes.full(shard_.now())) return;
  rare_->allowance.reset();
  keep_if_used();
}

void AsioConnection::heard(std::size_t bytes) {
  const auto now = shard_.look_at_clock();
  validity_.heard(shard_.tick());
  if (!shard_.byte_pace().bounded()) return;
  allowance().bytes.take(shard_.byte_pace(), bytes, now);
}

// A peer that is compressed pays for what comes out, which is the work.
void AsioConnection::charge_inflated(const ws::DeflateTotals& before) {
  const ws::DeflateTotals& now = shard_.deflate().received();
  const std::uint64_t plain = now.plain_bytes - before.plain_bytes, wire = now.wire_bytes - before.wire_bytes;
  if (plain <= wire || phase_ != Phase::open || !shard_.byte_pace().bounded()) return;
  allowance().bytes.take(shard_.byte_pace(), plain - wire, shard_.now());
}

// False: it was one too many, and this is the end. Where the excess is throttled, this one is still heard.
bool AsioConnection::spends(std::size_t messages) {
  if (messages == 0 || phase_ != Phase::open || !shard_.message_pace().bounded()) return phase_ == Phase::open;
  allowance().messages.take(shard_.message_pace(), messages, shard_.now());
  if (!overdrawn()) return true;
  too_fast();
  return phase_ == Phase::open;
}

bool AsioConnection::overdrawn() const noexcept {
  if (!rare_ || !rare_->allowance) return false;
  const Allowance& left = *rare_->allowance;
  const auto now = shard_.now();
  const bool messages = shard_.message_pace().bounded() && left.messages.overdrawn(shard_.message_pace(), now);
  return messages || (shard_.byte_pace().bounded() && left.bytes.overdrawn(shard_.byte_pace(), now));
}

void AsioConnection::too_fast() {
  if (shard_.limits().rate_excess == RateExcess::close) {
    return fail(CloseReason(close_code::policy_violation, "too fast"), Ending::too_fast);
  }
  throttled_ = true;
  shard_.counters().throttled.add();
  shard_.enter(*this, Shard::Stage::throttled);
}

// Who is too fast again and again is in no other list meanwhile, so its life is looked at here too.
void AsioConnection::look_at_allowance() {
  throttled_ = overdrawn();
  if (!throttled_) go_on_soon();
  look_at_life();
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
  if (what == Held::unused && phase_ == Phase::http && !answering()) {
    return refuse({503, "the server is full", {{"Retry-After", "5"}}});
  }
  if (phase_ != Phase::open) return;
  drop_waiting();
  if (what == Held::queued) {
    return fail(CloseReason(close_code::try_again_later, "too slow, and the server is full"), Ending::shed);
  }
  fail(CloseReason(close_code::try_again_later, "too much is unused, and the server is full"), Ending::shed_unused);
}

}  // namespace sluice::net
