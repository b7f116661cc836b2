// SPDX-License-Identifier: MIT
#include "net/stage/message_reader.hpp"

#include "net/stage/asio_connection.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

using Phase = AsioConnection::Phase;

constexpr std::uint8_t pong_opcode = 0xA;
// Compressed messages may be far larger than the buffer that they come from. After so many bytes of messages the other
// connections have their turn.
constexpr std::size_t most_delivered_at_once = 256 * 1024;
// Small messages cost by their number: a buffer may have thousands.
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

IncomingMessages* MessageReader::incoming(const AsioConnection& connection) noexcept {
  ColdState* const cold = connection.cold_if_any();
  return cold ? cold->incoming.get() : nullptr;
}

IncomingMessages& MessageReader::made_incoming(AsioConnection& connection) {
  auto& made = connection.cold().incoming;
  if (!made) made = std::make_unique<IncomingMessages>();
  return *made;
}

void MessageReader::release_unused(AsioConnection& connection) noexcept {
  const IncomingMessages* const now = incoming(connection);
  if (!now || !now->empty()) return;
  connection.cold().incoming.reset();
  connection.release_unused();
}

bool MessageReader::has_ahead(const AsioConnection& connection) noexcept {
  const IncomingMessages* const now = incoming(connection);
  return now && now->ahead;
}

std::shared_ptr<ReadAhead> MessageReader::ahead(const AsioConnection& connection) noexcept {
  const IncomingMessages* const now = incoming(connection);
  return now ? now->ahead : nullptr;
}

void MessageReader::drop_ahead(AsioConnection& connection) noexcept {
  if (IncomingMessages* const now = incoming(connection)) now->ahead.reset();
}

const PeerEnd* MessageReader::peer_end(const AsioConnection& connection) noexcept {
  const IncomingMessages* const now = incoming(connection);
  return now && now->peer_end ? &*now->peer_end : nullptr;
}

std::size_t MessageReader::held_bytes(const AsioConnection& connection) noexcept {
  const IncomingMessages* const now = incoming(connection);
  return now ? now->held_bytes() : 0;
}

void MessageReader::decompress(AsioConnection& connection, const ws::DeflateParameters& compression) {
  ServerShard& shard = connection.shard();
  compressed_ = true;
  auto& protocol = made_incoming(connection).protocol;
  protocol = shard.buffers().lend_protocol();
  protocol->inflate_with(shard.deflate().incoming(compression));
}

bool MessageReader::wants_bytes(const AsioConnection& connection) const noexcept {
  const IncomingMessages* const now = incoming(connection);
  return wants_more(connection, now && now->protocol ? now->protocol->held_bytes() : 0);
}

bool MessageReader::wants_more(const AsioConnection& connection, std::size_t held_by_protocol) const noexcept {
  if (connection.phase() != Phase::open) return connection.phase() == Phase::closing;
  return !connection.websocket().limits().throttled() && !peer_end(connection) &&
         has_room_ahead(connection, held_by_protocol);
}

// While its gateway is busy, a client is read until so much waits.
bool MessageReader::has_room_ahead(const AsioConnection& connection, std::size_t held_by_protocol) const noexcept {
  if (!paused_ && !has_ahead(connection)) return true;
  const ServerShard& shard = connection.shard();
  const std::size_t waiting = (has_ahead(connection) ? incoming(connection)->ahead->bytes() : 0) + held_by_protocol;
  const std::size_t most = shard.limits().read_ahead_bytes;
  return waiting < (connection.failed() ? more_after_failure * most : most) && !shard.crowded();
}

void MessageReader::on_bytes(AsioConnection& connection, std::span<char>& input) {
  ServerShard& shard = connection.shard();
  IncomingMessages* const now = incoming(connection);
  auto protocol = now && now->protocol ? std::move(now->protocol) : shard.buffers().lend_protocol();
  if (compressed_) {
    const ws::DeflateTotals before = shard.deflate().received();
    read_frames(connection, *protocol, input);
    // A compressed message counts with its size after decompression, which is the work that it causes.
    const ws::DeflateTotals& after = shard.deflate().received();
    const std::uint64_t plain = after.plain_bytes - before.plain_bytes, wire = after.wire_bytes - before.wire_bytes;
    if (plain > wire && connection.phase() == Phase::open) {
      connection.websocket().limits().count_bytes(connection, plain - wire);
    }
  } else {
    read_frames(connection, *protocol, input);
  }
  if (!protocol->empty()) {
    made_incoming(connection).protocol = std::move(protocol);
  } else {
    shard.buffers().take_back(std::move(protocol));
    release_unused(connection);
  }
}

void MessageReader::read_frames(AsioConnection& connection, ws::ServerProtocol& protocol, std::span<char>& input) {
  using Step = ws::ServerProtocol::Step;
  WebSocketStage& stage = connection.websocket();
  LimitsEnforcer& limits = stage.limits();
  const auto open = [&connection] { return connection.phase() == Phase::open; };
  std::size_t delivered = 0, messages = 0;
  while (wants_more(connection, protocol.held_bytes())) {
    switch (protocol.next(input)) {
      case Step::need_more: limits.count_messages(connection, protocol.take_frames()); return;
      case Step::yield: connection.reader().yield(); return;
      case Step::message: {
        Message message = protocol.take_message();
        if (!open()) break;  // it arrived after our close
        if (!limits.count_messages(connection, protocol.take_frames())) return;
        delivered += message.data().size();
        take_message(connection, std::move(message));
        if (delivered < most_delivered_at_once && ++messages < most_messages_at_once) break;
        connection.reader().yield();
        return;
      }
      case Step::ping:
        if (open() && limits.count_messages(connection, 1)) answer_ping(connection, protocol.control_payload());
        break;
      case Step::pong: limits.count_messages(connection, 1); break;
      case Step::close:
        if (open()) return note_peer_end(connection, {true, protocol.close_reason()});
        stage.finish_close();
        return connection.leave(connection.socket().stream().tls() != nullptr);
      case Step::failed: {
        const CloseReason& reason = protocol.close_reason();
        if (open()) return stage.fail(reason, cause_of(reason.code()));
        stage.finish_close();
        return connection.leave(true);
      }
    }
  }
}

// A busy gateway is given its messages later, in their order.
void MessageReader::take_message(AsioConnection& connection, Message message) {
  ServerShard& shard = connection.shard();
  connection.websocket().limits().on_message_received(shard);
  if (!paused_ && !has_ahead(connection)) return deliver(connection, std::move(message));
  auto& waiting = made_incoming(connection).ahead;
  if (!waiting) waiting = std::make_shared<ReadAhead>();
  waiting->put(std::move(message));
  if (!has_room_ahead(connection, 0)) shard.counters().read_ahead_full.add();
}

void MessageReader::deliver(AsioConnection& connection, Message message) {
  ServerShard& shard = connection.shard();
  shard.counters().messages_in.add();
  if (compressed_) shard.counters().inflated.show(shard.deflate().received());
  connection.websocket().deliver(std::move(message));
}

void MessageReader::deliver_waiting(AsioConnection& connection) {
  while (connection.phase() == Phase::open && !paused_ && has_ahead(connection)) {
    auto& waiting = incoming(connection)->ahead;
    Message message = waiting->take();
    if (waiting->empty()) waiting.reset();
    if (peer_end(connection)) connection.shard().deadlines().enter(connection, ShardDeadlines::Kind::closing);
    deliver(connection, std::move(message));
  }
  release_unused(connection);
}

void MessageReader::answer_ping(AsioConnection& connection, std::string_view payload) {
  FrameBuffer& frames = connection.shard().buffers().frames();
  if (connection.socket().push_pong(frames.encode_control(pong_opcode, payload))) connection.write_soon();
}

// A close or an end is delivered behind earlier messages. A busy gateway has close_time for it, so that a gateway that
// is always busy does not delay the peer.
void MessageReader::note_peer_end(AsioConnection& connection, PeerEnd end) {
  made_incoming(connection).peer_end = std::move(end);
  connection.shard().deadlines().enter(connection, ShardDeadlines::Kind::closing);
}

void MessageReader::after_bytes(AsioConnection& connection) {
  WebSocketStage& stage = connection.websocket();
  if (connection.phase() == Phase::open && peer_end(connection) && !paused_ && !has_ahead(connection)) {
    stage.end_after_peer();
  }
  if (connection.phase() != Phase::open) return;
  const IncomingMessages* const now = incoming(connection);
  const bool begun = now && now->protocol && now->protocol->begun();
  stage.limits().note_message_begun(connection, begun);
}

}  // namespace sluice::SLUICE_ABI::net
