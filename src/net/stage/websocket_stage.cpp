// SPDX-License-Identifier: MIT
#include "net/stage/websocket_stage.hpp"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "net/socket/last_events.hpp"
#include "net/stage/asio_connection.hpp"
#include "sluice/core/log.hpp"

namespace sluice::net {
namespace {

using Phase = AsioConnection::Phase;

constexpr std::uint8_t close_opcode = 0x8;
constexpr std::uint8_t pong_opcode = 0xA;
// Compressed messages may be far larger than the buffer that they come from. After so many bytes of messages the other
// connections have their turn.
constexpr std::size_t most_delivered_at_once = 256 * 1024;
// And small ones cost by their number: a buffer may hold thousands.
constexpr std::size_t most_messages_at_once = 512;
// Of the bytes that a connection had sent before it failed, so many times read_ahead_bytes are still delivered.
constexpr std::size_t more_after_failure = 4;

CloseCause cause_of(std::uint16_t failure) noexcept {
  switch (failure) {
    case close_code::too_big: return CloseCause::too_big;
    case close_code::invalid_payload: return CloseCause::invalid_payload;
    case close_code::policy_violation: return CloseCause::too_many_frames;
    default: return CloseCause::protocol_error;
  }
}

}  // namespace

ServerShard& WebSocketStage::shard() const noexcept { return connection_.shard(); }

bool WebSocketStage::open() const noexcept { return connection_.phase() == Phase::open; }

WebSocketStage::Cold& WebSocketStage::cold() {
  if (!cold_) cold_ = std::make_unique<Cold>();
  return *cold_;
}

void WebSocketStage::release_unused() noexcept {
  if (!cold_ || cold_->protocol || cold_->ahead || cold_->peer_end || cold_->closed_with || cold_->deflater) return;
  cold_.reset();
}

void WebSocketStage::release() noexcept {
  if (!cold_) return;
  if (notified()) cold_->ahead.reset();
  cold_->deflater.reset();
  if (cold_->protocol) cold_->protocol->inflate_with(nullptr);
}

void WebSocketStage::accept(const Acceptance& acceptance) { connection_.accept(acceptance); }

void WebSocketStage::deny(const Denial& denial) { connection_.deny(denial); }

void WebSocketStage::begin(const std::optional<ws::DeflateParameters>& compression) {
  if (compression) {
    cold().deflater = shard().deflate().outgoing(*compression);
    compresses_ = true;
    cold().protocol = shard().buffers().lend_protocol();
    cold().protocol->inflate_with(shard().deflate().incoming(*compression));
    shard().counters().compressing.add();
  }
  counted_ = true;
  shard().counters().opened.add();
  shard().counters().open.add();
  shard().read_clock();
  limits_.begin(shard().limits_now(), shard().random());
  plan_next_check();
}

void WebSocketStage::attach(std::shared_ptr<ConnectionEvents> events) {
  events_ = std::move(events);
  notify_closed();
}

// --- what arrives

bool WebSocketStage::wants_bytes() const noexcept {
  return wants_more(cold_ && cold_->protocol ? cold_->protocol->held_bytes() : 0);
}

bool WebSocketStage::wants_more(std::size_t held_by_protocol) const noexcept {
  if (!open()) return connection_.phase() == Phase::closing;
  return !limits_.throttled() && !peer_ended() && has_room_ahead(held_by_protocol);
}

// While its gateway is busy, a client is read until so much waits.
bool WebSocketStage::has_room_ahead(std::size_t held_by_protocol) const noexcept {
  if (!paused_ && !has_ahead()) return true;
  const std::size_t waiting = (has_ahead() ? cold_->ahead->bytes() : 0) + held_by_protocol;
  const std::size_t most = shard().limits().read_ahead_bytes;
  return waiting < (connection_.failed() ? more_after_failure * most : most) && !shard().crowded();
}

void WebSocketStage::on_bytes(std::span<char>& input) {
  auto protocol = cold_ && cold_->protocol ? std::move(cold_->protocol) : shard().buffers().lend_protocol();
  if (compresses_) {
    const ws::DeflateTotals before = shard().deflate().received();
    read_frames(*protocol, input);
    // A compressed message counts with its size after decompression, which is the work that it causes.
    const ws::DeflateTotals& now = shard().deflate().received();
    const std::uint64_t plain = now.plain_bytes - before.plain_bytes, wire = now.wire_bytes - before.wire_bytes;
    if (plain > wire && open()) count_bytes(plain - wire);
  } else {
    read_frames(*protocol, input);
  }
  if (!protocol->empty()) {
    cold().protocol = std::move(protocol);
  } else {
    shard().buffers().take_back(std::move(protocol));
    release_unused();
  }
}

void WebSocketStage::read_frames(ws::ServerProtocol& protocol, std::span<char>& input) {
  using Step = ws::ServerProtocol::Step;
  std::size_t delivered = 0, messages = 0;
  while (wants_more(protocol.held_bytes())) {
    switch (protocol.next(input)) {
      case Step::need_more: count_messages(protocol.take_frames()); return;
      case Step::yield: connection_.yield(); return;
      case Step::message: {
        Message message = protocol.take_message();
        if (!open()) break;  // it arrived after our close
        if (!count_messages(protocol.take_frames())) return;
        delivered += message.data().size();
        take_message(std::move(message));
        if (delivered < most_delivered_at_once && ++messages < most_messages_at_once) break;
        connection_.yield();
        return;
      }
      case Step::ping:
        if (open() && count_messages(1)) answer_ping(protocol.control_payload());
        break;
      case Step::pong: count_messages(1); break;
      case Step::close:
        if (open()) return note_peer_end({true, protocol.close_reason()});
        finish(CloseReason(*cold_->closed_with), close_cause_);
        return connection_.leave(connection_.socket().stream().tls() != nullptr);
      case Step::failed: {
        const CloseReason& reason = protocol.close_reason();
        if (open()) return fail(reason, cause_of(reason.code()));
        finish(CloseReason(*cold_->closed_with), close_cause_);
        return connection_.leave(true);
      }
    }
  }
}

// A busy gateway is given its messages later, in their order.
void WebSocketStage::take_message(Message message) {
  limits_.on_message(shard().tick());
  limits_.message_ended();
  if (!paused_ && !has_ahead()) return deliver(std::move(message));
  if (!has_ahead()) cold().ahead = std::make_shared<ReadAhead>();
  cold_->ahead->put(std::move(message));
  if (!has_room_ahead(0)) shard().counters().read_ahead_full.add();
}

void WebSocketStage::deliver(Message message) {
  shard().counters().messages_in.add();
  if (compresses_) shard().counters().inflated.show(shard().deflate().received());
  if (events_) events_->on_message(std::move(message));
}

void WebSocketStage::resume() {
  while (open() && !paused_ && has_ahead()) {
    Message message = cold_->ahead->take();
    if (cold_->ahead->empty()) cold_->ahead.reset();
    if (peer_ended()) shard().deadlines().enter(connection_, ShardDeadlines::Kind::closing);
    deliver(std::move(message));
  }
  release_unused();
}

void WebSocketStage::answer_ping(std::string_view payload) {
  if (connection_.socket().push_pong(shard().buffers().frames().encode_control(pong_opcode, payload)))
    connection_.write_soon();
}

void WebSocketStage::resume_reading() {
  const bool paused = paused_;
  paused_ = false;
  if (paused && open()) connection_.resume_soon();
}

std::size_t WebSocketStage::held_bytes() const noexcept {
  if (!cold_) return 0;
  return (cold_->protocol ? cold_->protocol->held_bytes() : 0) + (cold_->ahead ? cold_->ahead->bytes() : 0);
}

void WebSocketStage::after_bytes() {
  if (open() && peer_ended() && !paused_ && !has_ahead()) end_after_peer();
  if (!open()) return;
  if (!cold_ || !cold_->protocol || !cold_->protocol->begun()) return limits_.message_ended();
  if (limits_.message_begun(shard().limits_now())) plan_next_check();
}

// --- what is sent

void WebSocketStage::send(const Frame& frame) {
  if (!open()) {
    assert(!connection_.opening() && "send comes after accept");
    return;
  }
  BufferedSocket& socket = connection_.socket();
  ServerShard& shard = socket.shard();
  shard.counters().sends.add();
  if (compresses_) {
    socket.push(cold_->deflater->deflate(frame));
    shard.counters().deflated.show(shard.deflate().sent());
  } else {
    socket.push(frame);
  }
  if (socket.held_bytes() > shard.most_gathered()) {
    if (!socket.waits_for_room()) connection_.write_queued();
    if (!open()) return;
    if (socket.held_bytes() > shard.limits().queued_bytes) socket.release_shared();  // together they may take less
    if (socket.held_bytes() > shard.limits().queued_bytes) return too_slow();
  }
  connection_.write_soon();
  limits_.on_message(shard.tick());
}

std::size_t WebSocketStage::queued_bytes() const noexcept { return connection_.socket().queued_bytes(); }

void WebSocketStage::tell_when_drained() {
  if (!open()) return;
  wants_drained_ = true;
  if (connection_.socket().empty()) notify_drained();
}

void WebSocketStage::on_drained() {
  if (wants_drained_ && open()) notify_drained();
}

// Posted, because this may be inside a call of Connection.
void WebSocketStage::notify_drained() {
  wants_drained_ = false;
  shard().executor().post([this, connection = connection_.self()] {
    connection->guarded([&] {
      if (open() && events_) events_->on_drained();
    });
  });
}

// --- the end

void WebSocketStage::close(const CloseReason& reason) {
  if (connection_.opening()) return deny(Denial(403));  // behaviour LC-5
  if (!open()) return;
  if (cold_) cold_->ahead.reset();  // the gateway does not want them any more
  const CloseCause cause = stopping_ ? CloseCause::by_stop : CloseCause::by_gateway;
  if (may_be_sent(reason.code())) return begin_close(reason, cause);
  log(LogLevel::error, fmt::format("close: the code {} may not be sent, 1011 goes instead", reason.code()));
  begin_close(CloseReason(close_code::internal_error), cause);
}

void WebSocketStage::shutdown() {
  if (stopping_) return;
  stopping_ = true;
  if (!events_) return begin_close(shard().shutdown().goodbye(), CloseCause::by_stop);
  const auto events = events_;
  events->on_stop(shard().shutdown().goodbye());
}

void WebSocketStage::begin_close(const CloseReason& reason, CloseCause cause) {
  cold().closed_with = reason;
  close_cause_ = cause;
  queue_close(shard().with_return_time(reason));
  connection_.begin_closing();
}

void WebSocketStage::fail(const CloseReason& reason, CloseCause cause) {
  queue_close(shard().with_return_time(reason));
  finish(reason, cause);
  connection_.leave(true);
}

void WebSocketStage::queue_close(const CloseReason& reason) {
  connection_.socket().push(shard().buffers().frames().encode_control(close_opcode, ws::close_payload(reason)));
  connection_.write_soon();
}

void WebSocketStage::on_end() {
  if (open()) return note_peer_end({false, CloseReason(close_code::abnormal)});
  finish(CloseReason(*cold_->closed_with), close_cause_);
  connection_.leave(false);
}

// A close or an end comes behind the messages before it. A busy gateway has close_time for each of them, so that a
// gateway that is busy for ever does not keep the peer waiting.
void WebSocketStage::note_peer_end(PeerEnd end) {
  cold().peer_end = std::move(end);
  shard().deadlines().enter(connection_, ShardDeadlines::Kind::closing);
}

void WebSocketStage::end_after_peer() {
  const PeerEnd end = *cold_->peer_end;
  if (!end.by_close_frame) {
    finish(end.reason, CloseCause::vanished);
    return connection_.leave(false);
  }
  // RFC 6455 section 5.5.1: the answer to a close frame is a close frame that echoes its code. Then the server ends
  // first.
  queue_close(end.reason);
  finish(end.reason, CloseCause::by_peer);
  connection_.leave(connection_.socket().stream().tls() != nullptr);  // a client's close_notify needs an open socket
}

void WebSocketStage::on_lost() {
  if (!open()) return finish(CloseReason(*cold_->closed_with), close_cause_);
  if (peer_ended() && cold_->peer_end->by_close_frame) return finish(cold_->peer_end->reason, CloseCause::by_peer);
  finish(CloseReason(close_code::abnormal), CloseCause::vanished);
}

void WebSocketStage::finish(const CloseReason& reason, CloseCause cause) {
  if (closed_) return;
  cold().closed_with = reason;
  closed_ = true;
  if (counted_) {
    counted_ = false;
    shard().counters().open.subtract();
    shard().counters().count(cause);
  }
  notify_closed();
}

// Posted, because this may be inside a call of Connection; once, because the job owns the events. Messages that were
// read ahead are delivered first.
void WebSocketStage::notify_closed() {
  if (!closed_ || !events_) return;
  const std::size_t messages = has_ahead() ? cold_->ahead->size() : 0;
  auto notify = [events = events_, reason = *cold_->closed_with, ahead = cold_->ahead] {
    deliver_last_events(*events, ahead.get(), reason);
  };
  shard().shutdown().torn_down() ? notify() : shard().executor().post(std::move(notify));
  shard().counters().messages_in.add(messages);
  cold_->ahead.reset();
  events_ = nullptr;
}

}  // namespace sluice::net
