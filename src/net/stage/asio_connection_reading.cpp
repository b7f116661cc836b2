// SPDX-License-Identifier: MIT
// What is read, and in which turn it is used; see asio_connection.hpp.
#include <utility>

#include "net/socket/tls_session.hpp"
#include "net/stage/asio_connection.hpp"
#include "net/stage/http_stage.hpp"

namespace sluice::net {
namespace {

// After so many bytes, or so much time, a connection that always has more to read lets the others have their turn.
constexpr std::size_t burst_bytes = 256 * 1024;
constexpr auto burst_time = std::chrono::milliseconds(1);
// Reads that may follow each other when a request is late: more than a kernel's receive buffer holds.
constexpr int most_late_bursts = 64;

}  // namespace

bool AsioConnection::wants_bytes() const noexcept {
  switch (phase_) {
    case Phase::http: return http()->wants_bytes();
    case Phase::open:
    case Phase::closing: return websocket_.wants_bytes();
    case Phase::draining: return true;
    case Phase::leaving:
    case Phase::over: return false;
  }
  return false;
}

// Nothing is read, but the loss of the connection is of interest.
bool AsioConnection::watches_for_loss() const noexcept {
  if (phase_ == Phase::http) return http()->watches_for_loss();
  return phase_ == Phase::open && !wants_bytes();
}

void AsioConnection::read_on() {
  if (phase_ == Phase::over) return;
  if ((has_kept() && wants_bytes()) || (unread_ && reads_now())) resume_soon();
}

void AsioConnection::use_unread() {
  if (phase_ == Phase::http && http()->awaits_proxy_header() && !http()->read_proxy_header()) {
    if (phase_ == Phase::http) unread_ = false;  // the rest of the header has not arrived
    return;
  }
  if (reads_now()) return read_burst();
  if (watches_for_loss()) look_for_loss();
}

// Bytes that wait in the kernel have arrived in time: this thread is late, not the client. Returns whether the
// connection still speaks HTTP.
bool AsioConnection::read_late_bytes() {
  for (int burst = 0; burst < most_late_bursts && http()->wants_bytes(); ++burst) {
    if (socket_.stream().look() != Stream::Waiting::bytes) break;
    unread_ = true;
    use_unread();
    if (phase_ != Phase::http) return false;
  }
  return true;
}

void AsioConnection::read_burst() {
  Stream& stream = socket_.stream();
  const std::span<char> buffer = shard().buffers().read_buffer();
  TokenBucket::Time enough;
  std::size_t total = 0;
  while (reads_now() && total < burst_bytes && !greedy_ && !failed_) {
    const IoResult got = stream.read_some(buffer);
    if (got.status == IoStatus::failed) return read_failed();
    if (got.status == IoStatus::ended) return on_end();
    total += got.bytes;
    if (got.bytes > 0) {
      shard().counters().bytes_in.add(got.bytes);
      if (phase_ == Phase::open) websocket_.count_received(got.bytes);
      if (total == got.bytes) enough = shard().now() + burst_time;
      keep(use(buffer.first(got.bytes)));
      if (phase_ == Phase::open) websocket_.check_rates();
      if (shard().now() > enough) greedy_ = true;
    }
    // A short count is the last one, unless the end stands behind it, which the poller does not report again.
    const bool end_is_next = peer_ended_ || stream.end_is_next();
    if (got.status == IoStatus::would_block && (got.bytes == 0 || !end_is_next)) {
      unread_ = false;
      break;
    }
    if (got.bytes == 0) break;  // TLS had much to do for itself: now the others have their turn
  }
  if (total >= burst_bytes) greedy_ = true;
  if (!stream.flushed()) write_soon();  // TLS has answered
  count_unused();
  read_on();
  if (unread_ && peer_ended_ && watches_for_loss()) resume_soon();
}

void AsioConnection::read_failed() {
  const TlsSession* const tls = socket_.stream().tls();
  if (!tls || tls->failure().empty()) return lost();
  shard().tls_failed(tls->failure());
  if (tls->spoke_http()) {
    socket_.stream().speak_plainly();
    return http()->refuse({400, "this port speaks TLS: ask for https:// or wss://", {}});
  }
  socket_.clear();
  notify_lost();
  leave(true);  // the alert of TLS still reaches the peer
}

void AsioConnection::look_for_loss() {
  Stream& stream = socket_.stream();
  const Stream::Waiting waiting = stream.look();
  if (waiting == Stream::Waiting::over || (waiting == Stream::Waiting::bytes && stream.broken())) return lost();
  if (waiting == Stream::Waiting::ended && phase_ == Phase::http && !http()->opening()) http()->on_half_closed();
}

// Uses what is wanted of the input, and returns the rest that will be wanted later.
std::span<char> AsioConnection::use(std::span<char> input) {
  if (phase_ == Phase::http) {
    http()->on_bytes(input);
    // A handshake that was decided inside Gateway::open: a connection that leaves has the time of its end, no more.
    if (phase_ != Phase::http && http()->opening()) cold_->http.reset();
  }
  if (phase_ == Phase::open || phase_ == Phase::closing) websocket_.on_bytes(input);
  const bool later =
      phase_ == Phase::http || phase_ == Phase::closing || (phase_ == Phase::open && !websocket_.peer_ended());
  return later ? input : std::span<char>();
}

void AsioConnection::keep(std::span<char> rest) {
  if (!rest.empty()) cold().kept.emplace(Kept{std::string(rest.data(), rest.size()), 0});
}

void AsioConnection::use_kept() {
  Kept kept = *std::exchange(cold_->kept, std::nullopt);
  const std::span<char> rest = use(std::span<char>(kept.bytes).subspan(kept.used));
  kept.used = kept.bytes.size() - rest.size();
  if (!rest.empty()) cold().kept = std::move(kept);
  if (phase_ == Phase::open) websocket_.check_rates();
  release_unused();
}

void AsioConnection::resume_soon() {
  if (resumes_soon_) return;
  if (greedy_) {
    shard().resume_queue().add(self_);
  } else {
    shard().executor().post([self = self_] { self->guarded([&] { self->resume(); }); });
  }
  resumes_soon_ = true;
}

void AsioConnection::resume() {
  resumes_soon_ = false;
  greedy_ = false;
  if (phase_ == Phase::over) return;
  shard().read_clock();
  if (failed_) return deliver_rest();
  websocket_.resume();
  if (has_kept() && wants_bytes()) use_kept();
  if (unread_ && !greedy_ && phase_ != Phase::over) use_unread();
  count_unused();
  read_on();
}

// The peer sends no more. What it has sent stands, and it may still read.
void AsioConnection::on_end() {
  unread_ = false;
  switch (phase_) {
    case Phase::http: return http()->on_end();
    case Phase::open: websocket_.on_end(); return count_unused();
    case Phase::closing: return websocket_.on_end();
    case Phase::draining: return end();
    case Phase::leaving:
    case Phase::over: return;
  }
}

// Behind each piece of reading: the bytes that are held now count for the whole server.
void AsioConnection::count_unused() {
  if (phase_ == Phase::over || failed_) return;
  if (phase_ == Phase::open) websocket_.after_bytes();
  std::size_t unused = websocket_.held_bytes();
  if (has_kept()) unused += cold_->kept->bytes.capacity();
  if (const HttpStage* const stage = http()) unused += stage->held_bytes();
  const std::size_t before = cold_ ? cold_->unused : 0;
  if (unused != before) {
    cold().unused = unused;
    shard().unused_changed(before, unused);
  }
  release_unused();
}

// An open WebSocket has failed: what it had sent before is delivered, whether the gateway is busy or not.
void AsioConnection::deliver_rest() {
  websocket_.pause_reading();  // all of it goes one way, with the end behind it
  const std::span<char> buffer = shard().buffers().read_buffer();
  while (phase_ == Phase::open && wants_bytes()) {
    if (has_kept()) {
      use_kept();
      continue;
    }
    const IoResult got = socket_.stream().read_some(buffer);
    if (got.bytes == 0) break;
    shard().counters().bytes_in.add(got.bytes);
    keep(use(buffer.first(got.bytes)));
  }
  if (phase_ == Phase::over) return;
  notify_lost();
  end();
}

}  // namespace sluice::net
