// SPDX-License-Identifier: MIT
#include "net/stage/connection_reader.hpp"

#include <utility>

#include "net/socket/tls_session.hpp"
#include "net/stage/asio_connection.hpp"
#include "net/stage/connection_reports.hpp"
#include "net/stage/http_stage.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

using Phase = AsioConnection::Phase;

// After so many bytes, or so much time, a connection that always has more to read lets the others have their turn.
constexpr std::size_t burst_bytes = 256 * 1024;
constexpr auto burst_time = std::chrono::milliseconds(1);
// Reads that may follow each other when a request is late: more than a kernel's receive buffer holds.
constexpr int most_late_bursts = 64;

}  // namespace

void ConnectionReader::on_readable(AsioConnection& connection, Poller::Readiness ready) {
  unread_ = true;
  if (ready.ended) peer_ended_ = true;
  if (connection.shard().resume_queue().turn_is_over()) greedy_ = true;
  greedy_ ? resume_soon(connection) : use_unread(connection);
}

void ConnectionReader::look_again(AsioConnection& connection) {
  if (unread_ && peer_ended_) resume_soon(connection);
}

bool ConnectionReader::has_kept(const AsioConnection& connection) noexcept {
  const ColdState* const cold = connection.cold_if_any();
  return cold && !cold->kept.bytes.empty();
}

bool ConnectionReader::reads_now(const AsioConnection& connection) const noexcept {
  return connection.wants_bytes() && !has_kept(connection);
}

void ConnectionReader::read_on(AsioConnection& connection) {
  if (connection.phase() == Phase::over) return;
  if ((has_kept(connection) && connection.wants_bytes()) || (unread_ && reads_now(connection))) {
    resume_soon(connection);
  }
}

void ConnectionReader::use_unread(AsioConnection& connection) {
  if (connection.phase() == Phase::http) {
    HttpStage& http = *connection.http();
    if (http.awaits_proxy_header() && !http.read_proxy_header()) {
      if (connection.phase() == Phase::http) unread_ = false;  // the rest of the header has not arrived
      return;
    }
  }
  if (reads_now(connection)) return read_burst(connection);
  if (connection.watches_for_loss()) look_for_loss(connection);
}

bool ConnectionReader::read_late_bytes(AsioConnection& connection) {
  for (int burst = 0; burst < most_late_bursts && connection.http()->wants_bytes(); ++burst) {
    if (connection.socket().stream().look() != Stream::Waiting::bytes) break;
    unread_ = true;
    greedy_ = false;  // it is read now, or too late
    use_unread(connection);
    if (connection.phase() != Phase::http) return false;
  }
  return true;
}

void ConnectionReader::read_burst(AsioConnection& connection) {
  Stream& stream = connection.socket().stream();
  ServerShard& shard = connection.shard();
  LimitsEnforcer& limits = connection.websocket().limits();
  const std::span<char> buffer = shard.buffers().read_buffer();
  TokenBucket::Time enough;
  std::size_t total = 0;
  while (reads_now(connection) && total < burst_bytes && !greedy_ && !connection.failed()) {
    const IoResult got = stream.read_some(buffer);
    if (got.status == IoStatus::failed) return read_failed(connection);
    if (got.status == IoStatus::ended) return on_end(connection);
    total += got.bytes;
    if (got.bytes > 0) {
      shard.counters().bytes_in.add(got.bytes);
      ConnectionReports(connection).received(got.bytes);
      if (connection.phase() == Phase::open) limits.count_received(connection, got.bytes);
      if (total == got.bytes) enough = shard.now() + burst_time;
      keep(connection, use(connection, buffer.first(got.bytes)));
      limits.check_rates(connection);
      if (shard.now() > enough) greedy_ = true;
    }
    // A short count is the last one, unless the end is behind it, which the poller does not report again.
    const bool end_is_next = peer_ended_ || stream.end_is_next();
    if (got.status == IoStatus::would_block && (got.bytes == 0 || !end_is_next)) {
      unread_ = false;
      break;
    }
    if (got.bytes == 0) break;  // TLS did much work: other connections have their turn
  }
  if (total >= burst_bytes) greedy_ = true;
  if (!stream.flushed()) connection.write_soon();  // TLS has answered
  count_unused(connection);
  read_on(connection);
  if (unread_ && peer_ended_ && connection.watches_for_loss()) resume_soon(connection);
}

void ConnectionReader::read_failed(AsioConnection& connection) {
  Stream& stream = connection.socket().stream();
  const TlsSession* const tls = stream.tls();
  if (!tls || tls->failure().empty()) return connection.lost();
  connection.shard().tls_failed(tls->failure());
  if (connection.phase() == Phase::http) ConnectionReports(connection).refused(ConnectionRefusal::tls_failed);
  if (tls->spoke_http()) {
    stream.speak_plainly();
    return connection.http()->refuse({400, "this port speaks TLS: ask for https:// or wss://", {}});
  }
  connection.socket().clear();
  connection.notify_lost();
  connection.leave(true);  // the alert of TLS still reaches the peer
}

void ConnectionReader::look_for_loss(AsioConnection& connection) {
  Stream& stream = connection.socket().stream();
  const Stream::Waiting waiting = stream.look();
  if (waiting == Stream::Waiting::over || (waiting == Stream::Waiting::bytes && stream.broken())) {
    return connection.lost();
  }
  if (waiting != Stream::Waiting::ended || connection.phase() != Phase::http) return;
  if (!connection.http()->opening()) connection.http()->on_half_closed();
}

// Uses what is wanted of the input, and returns the rest that will be wanted later.
std::span<char> ConnectionReader::use(AsioConnection& connection, std::span<char> input) {
  if (connection.phase() == Phase::http) {
    connection.http()->on_bytes(input);
    // A handshake that was decided inside Gateway::open: a connection that is leaving has close_time, no more.
    if (connection.phase() != Phase::http && connection.http()->opening()) connection.cold().http.reset();
  }
  MessageReader& messages = connection.websocket().reader();
  if (connection.phase() == Phase::open || connection.phase() == Phase::closing) messages.on_bytes(connection, input);
  const bool later = connection.phase() == Phase::http || connection.phase() == Phase::closing ||
                     (connection.phase() == Phase::open && !MessageReader::peer_end(connection));
  return later ? input : std::span<char>();
}

void ConnectionReader::keep(AsioConnection& connection, std::span<char> rest) {
  if (!rest.empty()) connection.cold().kept = {std::string(rest.data(), rest.size()), 0};
}

void ConnectionReader::use_kept(AsioConnection& connection) {
  ColdState::Kept kept = std::exchange(connection.cold().kept, {});
  const std::span<char> rest = use(connection, std::span<char>(kept.bytes).subspan(kept.used));
  kept.used = kept.bytes.size() - rest.size();
  if (!rest.empty()) connection.cold().kept = std::move(kept);
  connection.websocket().limits().check_rates(connection);
  connection.release_unused();
}

void ConnectionReader::resume_soon(AsioConnection& connection) {
  if (resumes_soon_) return;
  if (greedy_) {
    connection.shard().resume_queue().add(connection.self());
  } else {
    connection.shard().executor().post(
        [self = connection.self()] { self->guarded([&] { self->reader().resume(*self); }); });
  }
  resumes_soon_ = true;
}

void ConnectionReader::resume(AsioConnection& connection) {
  resumes_soon_ = false;
  greedy_ = false;
  if (connection.phase() == Phase::over) return;
  connection.shard().read_clock();
  if (connection.failed()) return deliver_rest(connection);
  connection.websocket().reader().deliver_waiting(connection);
  if (has_kept(connection) && connection.wants_bytes()) use_kept(connection);
  if (unread_ && !greedy_ && connection.phase() != Phase::over) use_unread(connection);
  count_unused(connection);
  read_on(connection);
}

// The peer sends no more. Its earlier bytes are valid, and it may still read.
void ConnectionReader::on_end(AsioConnection& connection) {
  unread_ = false;
  switch (connection.phase()) {
    case Phase::http: return connection.http()->on_end();
    case Phase::open: connection.websocket().on_end(); return count_unused(connection);
    case Phase::closing: return connection.websocket().on_end();
    case Phase::draining: return connection.end();
    case Phase::leaving:
    case Phase::over: return;
  }
}

// Behind each piece of reading: the bytes that are held now count for the whole server.
void ConnectionReader::count_unused(AsioConnection& connection) {
  if (connection.phase() == Phase::over || connection.failed()) return;
  if (connection.phase() == Phase::open) connection.websocket().reader().after_bytes(connection);
  std::size_t unused = MessageReader::held_bytes(connection);
  if (has_kept(connection)) unused += connection.cold().kept.bytes.capacity();
  if (const HttpStage* const stage = connection.http()) unused += stage->held_bytes();
  const std::size_t before = connection.held(Held::unused);
  if (unused != before) {
    connection.cold().unused = unused;
    connection.shard().unused_changed(before, unused);
  }
  connection.release_unused();
}

// An open WebSocket has failed: what it had sent before is delivered, whether the gateway is busy or not.
void ConnectionReader::deliver_rest(AsioConnection& connection) {
  connection.websocket().reader().pause();  // all of it is delivered in one way, with the end behind it
  ServerShard& shard = connection.shard();
  const std::span<char> buffer = shard.buffers().read_buffer();
  while (connection.phase() == Phase::open && connection.wants_bytes()) {
    if (has_kept(connection)) {
      use_kept(connection);
      continue;
    }
    const IoResult got = connection.socket().stream().read_some(buffer);
    if (got.bytes == 0) break;
    shard.counters().bytes_in.add(got.bytes);
    ConnectionReports(connection).received(got.bytes);
    keep(connection, use(connection, buffer.first(got.bytes)));
  }
  if (connection.phase() == Phase::over) return;
  connection.notify_lost();
  connection.end();
}

}  // namespace sluice::SLUICE_ABI::net
