// SPDX-License-Identifier: MIT
// Messages, and what a gateway may do with its connection; see asio_connection.hpp.
#include "net/asio_connection.hpp"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "core/failure.hpp"
#include "net/http_stage.hpp"
#include "sluice/core/log.hpp"

namespace sluice::net {
namespace {

constexpr std::uint8_t close_opcode = 0x8;
constexpr std::uint8_t pong_opcode = 0xA;
// Messages that come out of one buffer, compressed, may be far more than it holds: after so many bytes of them it is
// the others' turn.
constexpr std::size_t most_heard_at_once = 256 * 1024;

Ending ending_of(std::uint16_t failure) noexcept {
  switch (failure) {
    case close_code::too_big: return Ending::too_big;
    case close_code::invalid_payload: return Ending::invalid_payload;
    case close_code::policy_violation: return Ending::too_many_frames;
    default: return Ending::protocol_error;
  }
}

}  // namespace

bool AsioConnection::opening() const noexcept { return phase_ == Phase::http && http().opening(); }

void AsioConnection::attach(std::shared_ptr<ConnectionEvents> events) {
  events_ = std::move(events);
  if (told_) tell_now();
}

void AsioConnection::gateway_failed() {
  if (phase_ == Phase::open) fail(CloseReason(close_code::internal_error), Ending::by_gateway);
}

void AsioConnection::end_http() noexcept {
  rare_->http.reset();
  keep_if_used();
}

void AsioConnection::accept(const Acceptance& acceptance) {
  if (!opening()) return;
  const auto compression = http().accept(acceptance);
  if (!compression) return;
  phase_ = Phase::open;
  if (compression->has_value()) compress_as(compression->value());
  counted_ = true;
  shard_.counters().opened.add();
  shard_.counters().open.add();
  begin_life();
  if (!http().inside_open()) end_http();
  resume_soon();  // bytes may have arrived right behind the request
  if (shard_.stopping()) shard_.plan_to_go(*this);
}

void AsioConnection::deny(const Denial& denial) {
  if (opening()) http().deny(denial);
}

void AsioConnection::compress_as(const ws::DeflateParameters& agreed) {
  rare().deflater = shard_.deflate().outgoing(agreed);
  deflates_ = true;
  protocol_ = shard_.lend_protocol();
  protocol_->inflate_with(shard_.deflate().incoming(agreed));
  shard_.counters().compressing.add();
}

void AsioConnection::read_messages(std::span<char>& input) {
  if (!protocol_) protocol_ = shard_.lend_protocol();
  if (deflates_) {
    const ws::DeflateTotals before = shard_.deflate().received();
    hear_messages(input);
    count_inflated(before);
  } else {
    hear_messages(input);
  }
  if (protocol_->empty()) shard_.take_back(std::move(protocol_));
}

void AsioConnection::hear_messages(std::span<char>& input) {
  using Step = ws::ServerProtocol::Step;
  std::size_t heard = 0;
  while (phase_ == Phase::closing || (phase_ == Phase::open && wants_bytes())) {
    switch (protocol_->next(input)) {
      case Step::need_more: count_messages(protocol_->take_frames()); return;
      case Step::yield: greedy_ = true; return;
      case Step::message: {
        Message message = protocol_->take_message();
        if (phase_ != Phase::open) break;  // too late to be heard
        if (!count_messages(protocol_->take_frames())) return;
        heard += message.data().size();
        hear(std::move(message));
        if (heard < most_heard_at_once) break;
        greedy_ = true;
        return;
      }
      case Step::ping:
        if (phase_ == Phase::open && count_messages(1)) answer_ping();
        break;
      case Step::pong: count_messages(1); break;
      case Step::close:
        if (phase_ == Phase::open) {
          note_last_word(LastWord::close);
          return come_to_last_word();
        }
        tell_closed(CloseReason(*rare_->closed_with), ending_);
        return leave(stream_.tls() != nullptr);
      case Step::failed: {
        const CloseReason& why = protocol_->close_reason();
        if (phase_ == Phase::open) return fail(why, ending_of(why.code()));
        tell_closed(CloseReason(*rare_->closed_with), ending_);
        return leave(true);
      }
    }
  }
}

// A gateway that is busy is given its messages later, in their order.
void AsioConnection::hear(Message message) {
  keep_alive_.on_message(shard_.tick());
  if (rare_) rare_->begun.reset();
  if (!paused_ && !has_ahead()) return deliver(std::move(message));
  if (!has_ahead()) rare().ahead.emplace();
  rare_->ahead->put(std::move(message));
  if (!has_room_ahead()) shard_.counters().read_ahead_full.add();
}

void AsioConnection::deliver(Message message) {
  shard_.counters().messages_in.add();
  if (deflates_) shard_.counters().inflated.show(shard_.deflate().received());
  if (events_) events_->on_message(std::move(message));
}

void AsioConnection::deliver_ahead() {
  while (phase_ == Phase::open && !paused_ && has_ahead()) {
    Message message = rare_->ahead->take();
    if (rare_->ahead->empty()) rare_->ahead.reset();
    if (said_last_word()) shard_.enter(*this, Shard::Stage::closing);
    deliver(std::move(message));
  }
}

void AsioConnection::answer_ping() {
  const Frame pong = shard_.frames().encode_control(pong_opcode, protocol_->control_payload());
  if (waits_writable_) return queue_.push_ahead(pong.wire(), shard_.spares());
  queue_.push(pong, shard_.spares());
  write_soon();
}

void AsioConnection::send(const Frame& frame) {
  if (phase_ != Phase::open) {
    assert(!opening() && "send comes after accept");
    return;
  }
  shard_.counters().sends.add();
  const std::size_t before = queue_.held_bytes();
  if (deflates_) {
    queue_.push(rare_->deflater->deflate(frame), shard_.spares());
    shard_.counters().deflated.show(shard_.deflate().sent());
  } else {
    queue_.push(frame, shard_.spares());
  }
  queue_changed(before);
  if (queue_.held_bytes() > shard_.most_gathered()) {
    if (!waits_writable_) write_queued();
    if (phase_ != Phase::open) return;
    if (queue_.held_bytes() > shard_.limits().queued_bytes) release_shared();  // together they may take less
    if (queue_.held_bytes() > shard_.limits().queued_bytes) return too_slow();
  }
  write_soon();
  keep_alive_.on_message(shard_.tick());
}

// What waits is given up, but not in the middle of a message: a reader that is merely slow still learns why.
void AsioConnection::too_slow() {
  drop_waiting();
  fail(CloseReason(close_code::try_again_later, "too slow"), Ending::too_slow);
}

void AsioConnection::drop_waiting() {
  const std::size_t before = queue_.held_bytes();
  queue_.drop_waiting(shard_.spares());
  queue_changed(before);
}

void AsioConnection::tell_when_drained() {
  if (phase_ != Phase::open) return;
  wants_drained_ = true;
  if (queue_.empty()) tell_drained();
}

// Posted, because this may be inside a call of Connection.
void AsioConnection::tell_drained() {
  wants_drained_ = false;
  shard_.executor().post([self = self_] {
    self->guarded([&] {
      if (self->phase_ == Phase::open && self->events_) self->events_->on_drained();
    });
  });
}

void AsioConnection::close(const CloseReason& reason) {
  if (opening()) return deny(Denial(403));  // behaviour LC-5
  if (phase_ != Phase::open) return;
  if (has_ahead()) rare_->ahead.reset();  // it does not want them any more
  const Ending why = going_ ? Ending::by_stop : Ending::by_gateway;
  if (may_be_sent(reason.code())) return begin_close(reason, why);
  log(LogLevel::error, fmt::format("close: the code {} may not be sent, 1011 goes instead", reason.code()));
  begin_close(CloseReason(close_code::internal_error), why);
}

// Its events close it when they have said what is left to be said.
void AsioConnection::say_goodbye() {
  if (std::exchange(going_, true)) return;
  if (!events_) return begin_close(shard_.goodbye(), Ending::by_stop);
  const auto events = events_;
  events->on_stop(shard_.goodbye());
}

void AsioConnection::begin_close(const CloseReason& reason, Ending why) {
  queue_close(reason);
  rare().closed_with = reason;
  ending_ = why;
  phase_ = Phase::closing;
  shard_.enter(*this, Shard::Stage::closing);
  resume_soon();  // a paused connection reads again: the peer's close frame is due
}

void AsioConnection::fail(const CloseReason& reason, Ending why) {
  queue_close(reason);
  tell_closed(reason, why);
  leave(true);
}

void AsioConnection::queue_close(const CloseReason& reason) {
  const std::size_t before = queue_.held_bytes();
  queue_.push(shard_.frames().encode_control(close_opcode, ws::close_payload(shard_.with_return_time(reason))),
              shard_.spares());
  queue_changed(before);
  write_soon();
}

void AsioConnection::pause_reading() { paused_ = true; }

void AsioConnection::resume_reading() {
  if (!std::exchange(paused_, false) || phase_ != Phase::open) return;
  resume_soon();
}

// Posted, because this may be inside a call of Connection; once, because the events are given away with it.
void AsioConnection::tell_closed(const CloseReason& reason, Ending why) {
  if (told_) return;
  rare().closed_with = reason;
  told_ = true;
  if (std::exchange(counted_, false)) {
    shard_.counters().open.subtract();
    shard_.counters().count(why);
  }
  tell_now();
}

// What was read ahead goes before.
void AsioConnection::tell_now() {
  if (!events_) return;
  std::optional<ReadAhead> ahead = std::exchange(rare_->ahead, std::nullopt);
  if (ahead) shard_.counters().messages_in.add(ahead->size());
  auto tell = [events = events_, reason = *rare_->closed_with, ahead = std::move(ahead)]() mutable {
    say_closed(*events, ahead, reason);
  };
  shard_.torn_down() ? tell() : shard_.executor().post(std::move(tell));
  events_ = nullptr;
}

// The last calls: what they throw ends nothing any more.
void AsioConnection::say_closed(ConnectionEvents& events, std::optional<ReadAhead>& ahead,
                                const CloseReason& reason) noexcept {
  try {
    while (ahead && !ahead->empty()) events.on_message(ahead->take());
  } catch (...) {
    log_failure("a message that came before the end of its connection is lost, on_message threw",
                std::current_exception());
  }
  try {
    events.on_closed(reason);
  } catch (...) {
    log_failure("a connection's on_closed threw", std::current_exception());
  }
}

}  // namespace sluice::net
