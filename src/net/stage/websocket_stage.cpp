// SPDX-License-Identifier: MIT
#include "net/stage/websocket_stage.hpp"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "net/socket/last_events.hpp"
#include "net/stage/asio_connection.hpp"
#include "net/stage/connection_reports.hpp"
#include "net/stage/http_stage.hpp"
#include "sluice/core/log.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

using Phase = AsioConnection::Phase;

constexpr std::uint8_t close_opcode = 0x8;

}  // namespace

ServerShard& WebSocketStage::shard() const noexcept { return connection_.shard(); }

bool WebSocketStage::open() const noexcept { return connection_.phase() == Phase::open; }

void WebSocketStage::release() noexcept {
  ColdState* const cold = connection_.cold_if_any();
  if (!cold) return;
  cold->deflater.reset();
  if (!cold->incoming) return;
  if (notified()) cold->incoming->ahead.reset();
  if (cold->incoming->protocol) cold->incoming->protocol->inflate_with(nullptr);
}

void WebSocketStage::accept(const Acceptance& acceptance) { connection_.accept(acceptance); }

void WebSocketStage::deny(const Denial& denial) {
  if (connection_.opening()) connection_.http()->deny(denial);
}

void WebSocketStage::begin(const std::optional<ws::DeflateParameters>& compression) {
  if (compression) {
    connection_.cold().deflater = shard().deflate().outgoing(*compression);
    compresses_ = true;
    reader_.decompress(connection_, *compression);
    shard().counters().compressing.add();
  }
  counted_ = true;
  shard().counters().opened.add();
  shard().counters().open.add();
  ConnectionReports(connection_).websocket_opened();
  limits_.begin(connection_);
}

void WebSocketStage::attach(std::shared_ptr<ConnectionEvents> events) {
  events_ = std::move(events);
  notify_closed();
}

void WebSocketStage::deliver(Message message) {
  if (events_) events_->on_message(std::move(message));
}

void WebSocketStage::resume_reading() {
  if (reader_.unpause() && open()) connection_.resume_soon();
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
    socket.push(connection_.cold().deflater->deflate(frame));
    shard.counters().deflated.show(shard.deflate().sent());
  } else {
    socket.push(frame);
  }
  if (socket.held_bytes() > shard.most_gathered()) {
    if (!socket.waits_for_room()) connection_.write_queued();
    if (!open()) return;
    if (socket.held_bytes() > shard.consumer_limits().queued_bytes)
      socket.release_shared();  // together they may take less
    if (socket.held_bytes() > shard.consumer_limits().queued_bytes) return too_slow();
  }
  connection_.write_soon();
  limits_.on_message_sent(shard);
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
  MessageReader::drop_ahead(connection_);  // the gateway does not want them any more
  const CloseCause cause = stopping_ ? CloseCause::by_stop : CloseCause::by_gateway;
  if (may_be_sent(reason.code())) return begin_close(reason, cause);
  log(LogLevel::error, fmt::format("close: the code {} must not be sent, 1011 is sent instead", reason.code()));
  begin_close(CloseReason(close_code::internal_error), cause);
}

void WebSocketStage::shutdown() {
  if (stopping_) return;
  stopping_ = true;
  if (!events_) return begin_close(shard().shutdown().close_reason(), CloseCause::by_stop);
  const auto events = events_;
  events->on_stop(shard().shutdown().close_reason());
}

void WebSocketStage::begin_close(const CloseReason& reason, CloseCause cause) {
  connection_.cold().closed_with = reason;
  close_cause_ = cause;
  queue_close(shard().with_return_time(reason));
  connection_.begin_closing();
}

void WebSocketStage::fail(const CloseReason& reason, CloseCause cause) {
  queue_close(shard().with_return_time(reason));
  finish(reason, cause);
  connection_.leave(true);
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

void WebSocketStage::queue_close(const CloseReason& reason) {
  connection_.socket().push(shard().buffers().frames().encode_control(close_opcode, ws::close_payload(reason)));
  connection_.write_soon();
}

void WebSocketStage::finish_close() { finish(CloseReason(*connection_.cold().closed_with), close_cause_); }

void WebSocketStage::on_end() {
  if (open()) return reader_.note_peer_end(connection_, {false, CloseReason(close_code::abnormal)});
  finish_close();
  connection_.leave(false);
}

void WebSocketStage::end_after_peer() {
  const PeerEnd end = *MessageReader::peer_end(connection_);
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
  if (!open()) return finish_close();
  const PeerEnd* const end = MessageReader::peer_end(connection_);
  if (end && end->by_close_frame) return finish(CloseReason(end->reason), CloseCause::by_peer);
  finish(CloseReason(close_code::abnormal), CloseCause::vanished);
}

void WebSocketStage::finish(const CloseReason& reason, CloseCause cause) {
  if (closed_) return;
  connection_.cold().closed_with = reason;
  closed_ = true;
  if (counted_) {
    counted_ = false;
    shard().counters().open.subtract();
    shard().counters().count(cause);
    ConnectionReports(connection_).websocket_closed(reason, cause);
  }
  notify_closed();
}

// Posted, because this may be inside a call of Connection; once, because the job owns the events. Messages that were
// read ahead are delivered first.
void WebSocketStage::notify_closed() {
  if (!closed_ || !events_) return;
  const auto ahead = MessageReader::ahead(connection_);
  auto notify = [events = events_, reason = *connection_.cold().closed_with, ahead] {
    deliver_last_events(*events, ahead.get(), reason);
  };
  const std::size_t messages = ahead ? ahead->size() : 0;
  shard().shutdown().torn_down() ? notify() : shard().executor().post(std::move(notify));
  shard().counters().messages_in.add(messages);
  MessageReader::drop_ahead(connection_);
  events_ = nullptr;
}

}  // namespace sluice::SLUICE_ABI::net
