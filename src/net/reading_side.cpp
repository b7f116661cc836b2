// SPDX-License-Identifier: MIT
// What is read, and in which turn it is used; see asio_connection.hpp.
#include "net/asio_connection.hpp"

#include <utility>

#include "net/http_stage.hpp"
#include "net/tls_session.hpp"

namespace sluice::net {
namespace {

// A connection that always has more to read lets the others have their turn after this much.
constexpr std::size_t burst_bytes = 256 * 1024;
constexpr auto burst_time = std::chrono::milliseconds(1);
// Reads that may follow each other when a request is late: more than a kernel's receive buffer holds.
constexpr int most_late_bursts = 64;
// Of what a connection had brought before it failed, so many times read_ahead_bytes are still delivered.
constexpr std::size_t more_at_parting = 4;

}  // namespace

bool AsioConnection::wants_bytes() const noexcept {
  switch (phase_) {
    case Phase::http: return http().wants_bytes();
    case Phase::open: return !throttled() && !said_last_word() && has_room_ahead();
    case Phase::closing:
    case Phase::draining: return true;
    case Phase::leaving:
    case Phase::gone: return false;
  }
  return false;
}

// While its gateway is busy, a client is read until so much waits.
bool AsioConnection::has_room_ahead() const noexcept {
  if (!paused_ && !has_ahead()) return true;
  const std::size_t waiting = (has_ahead() ? rare_->ahead->bytes() : 0) + (protocol_ ? protocol_->held_bytes() : 0);
  const std::size_t most = shard_.limits().read_ahead_bytes;
  return waiting < (parting_ ? more_at_parting * most : most) && !shard_.crowded();
}

// Nobody wants to read, but the loss of the connection is of interest.
bool AsioConnection::watches() const noexcept {
  if (phase_ == Phase::http) return http().watches_for_loss();
  return phase_ == Phase::open && !wants_bytes();
}

void AsioConnection::read_on() {
  if (phase_ == Phase::gone) return;
  if ((has_kept() && wants_bytes()) || (unread_ && reads_now())) resume_soon();
}

void AsioConnection::use_unread() {
  if (phase_ == Phase::http && http().awaits_proxy_header() && !http().read_proxy_header()) {
    if (phase_ == Phase::http) unread_ = false;
    return;
  }
  if (reads_now()) return read_burst();
  if (watches()) look_for_loss();
}

// Bytes that wait in the kernel have arrived in time: this thread is late, not the client. Returns whether the
// connection still speaks HTTP.
bool AsioConnection::read_late_bytes() {
  for (int burst = 0; burst < most_late_bursts && http().wants_bytes() && unread_bytes(); ++burst) {
    unread_ = true;
    use_unread();
    if (phase_ != Phase::http) return false;
  }
  return true;
}

void AsioConnection::read_burst() {
  const std::span<char> buffer = shard_.read_buffer();
  TokenBucket::Time enough;
  std::size_t total = 0;
  while (reads_now() && total < burst_bytes && !greedy_ && !parting_) {
    const IoResult got = stream_.read_some(buffer);
    if (got.status == IoStatus::failed) return read_failed();
    if (got.status == IoStatus::ended) return peer_ended();
    total += got.bytes;
    if (got.bytes > 0) {
      shard_.counters().bytes_in.add(got.bytes);
      if (phase_ == Phase::open) count_bytes(got.bytes);
      if (total == got.bytes) enough = shard_.now() + burst_time;
      keep(use(buffer.first(got.bytes)));
      if (phase_ == Phase::open) check_rates();
      if (shard_.now() > enough) greedy_ = true;
    }
    // A short count is the last one, unless the end stands behind it, which will not be told again.
    const bool end_is_next = peer_ended_ || stream_.end_is_next();
    if (got.status == IoStatus::would_block && (got.bytes == 0 || !end_is_next)) {
      unread_ = false;
      break;
    }
    if (got.bytes == 0) break;  // TLS had much to do for itself: now the others
  }
  if (total >= burst_bytes) greedy_ = true;
  if (!stream_.flushed()) write_soon();  // TLS has answered
  take_stock();
  read_on();
  if (unread_ && peer_ended_ && watches()) resume_soon();
}

void AsioConnection::read_failed() {
  const TlsSession* const tls = stream_.tls();
  if (!tls || tls->failure().empty()) return lost();
  shard_.tls_failed(tls->failure());
  if (tls->spoke_http()) {
    stream_.speak_plainly();
    return http().refuse({400, "this port speaks TLS: ask for https:// or wss://", {}});
  }
  const std::size_t before = queue_.held_bytes();
  queue_.clear(shard_.spares());
  queue_changed(before);
  tell_lost();
  leave(true);  // what TLS has said of it reaches the peer
}

// Is the peer still there? An end in good order only says that it sends no more: it may wait for an answer. Whoever is
// to answer has the time of a handshake for it, as that can't be told from a peer that has gone.
void AsioConnection::look_for_loss() {
  const Stream::Waiting waiting = stream_.look();
  if (waiting == Stream::Waiting::over || (waiting == Stream::Waiting::bytes && stream_.broken())) return lost();
  if (waiting == Stream::Waiting::ended && has_http() && http().handling())
    shard_.enter(*this, Shard::Stage::handshake);
}

// Uses what is wanted of the input, and returns the rest that will be wanted later.
std::span<char> AsioConnection::use(std::span<char> input) {
  if (phase_ == Phase::http) {
    http().on_bytes(input);
    if (phase_ == Phase::open || phase_ == Phase::closing) end_http();
  }
  if (phase_ == Phase::open || phase_ == Phase::closing) read_messages(input);
  const bool later = phase_ == Phase::http || phase_ == Phase::closing || (phase_ == Phase::open && !said_last_word());
  return later ? input : std::span<char>();
}

void AsioConnection::keep(std::span<char> rest) {
  if (!rest.empty()) rare().kept.emplace(Kept{std::string(rest.data(), rest.size()), 0});
}

void AsioConnection::use_kept() {
  Kept kept = *std::exchange(rare_->kept, std::nullopt);
  const std::span<char> rest = use(std::span<char>(kept.bytes).subspan(kept.used));
  kept.used = kept.bytes.size() - rest.size();
  if (!rest.empty()) rare().kept = std::move(kept);
  if (phase_ == Phase::open) check_rates();
  keep_if_used();
}

void AsioConnection::resume_soon() {
  if (resumes_soon_) return;
  if (greedy_) {
    shard_.resume_later(self_);
  } else {
    shard_.executor().post([self = self_] { self->guarded([&] { self->resume(); }); });
  }
  resumes_soon_ = true;
}

void AsioConnection::resume() {
  resumes_soon_ = false;
  greedy_ = false;
  if (phase_ == Phase::gone) return;
  shard_.look_at_clock();
  if (parting_) return hear_the_rest();
  deliver_ahead();
  if (has_kept() && wants_bytes()) use_kept();
  if (unread_ && !greedy_ && phase_ != Phase::gone) use_unread();
  take_stock();
  read_on();
}

// The peer says no more. What it has said stands, and it may still listen.
void AsioConnection::peer_ended() {
  unread_ = false;
  switch (phase_) {
    case Phase::http: return http().on_end();
    case Phase::open: note_last_word(LastWord::end); return take_stock();
    case Phase::closing: tell_closed(CloseReason(*rare_->closed_with), ending_); return leave(false);
    case Phase::draining: return end();
    case Phase::leaving:
    case Phase::gone: return;
  }
}

void AsioConnection::note_last_word(LastWord word) {
  rare().last_word = word;
  shard_.enter(*this, Shard::Stage::closing);
}

// A close or an end comes behind the messages before it. A gateway that is busy has close_time for each of them, so
// that the peer is not kept waiting for one that is busy for ever.
void AsioConnection::come_to_last_word() {
  if (phase_ == Phase::open && said_last_word() && !paused_ && !has_ahead()) hear_last_word();
}

void AsioConnection::hear_last_word() {
  if (*rare_->last_word == LastWord::end) {
    tell_closed(CloseReason(close_code::abnormal), Ending::vanished);
    return leave(false);
  }
  // RFC 6455 section 5.5.1: the answer to a close frame is a close frame, its code echoed; then the server ends first.
  queue_close(protocol_->close_reason());
  tell_closed(protocol_->close_reason(), Ending::by_peer);
  leave(stream_.tls() != nullptr);  // what a client's TLS says of its own end must not meet a closed socket
}

// Behind each piece of reading: what is held now, and is its end to come?
void AsioConnection::take_stock() {
  if (phase_ == Phase::gone || parting_) return;
  come_to_last_word();
  const bool begun = phase_ == Phase::open && protocol_ && protocol_->begun();
  const std::size_t before = rare_ ? rare_->unused : 0, unused = unused_bytes();
  if (!begun && !rare_) return;
  if (begun && !rare().begun) {
    rare_->begun = shard_.tick();
    if (shard_.limits().message_time.count() > 0) plan_next_check();
  }
  if (!begun) rare_->begun.reset();
  rare_->unused = unused;
  keep_if_used();
  if (unused != before) shard_.unused_changed(before, unused);
}

std::size_t AsioConnection::unused_bytes() const noexcept {
  std::size_t bytes = protocol_ ? protocol_->held_bytes() : 0;
  if (!rare_) return bytes;
  if (rare_->kept) bytes += rare_->kept->bytes.capacity();
  if (rare_->ahead) bytes += rare_->ahead->bytes();
  if (rare_->http) bytes += rare_->http->held_bytes();
  return bytes;
}

// The connection has failed: whatever it had brought before is delivered, whether the gateway is busy or not.
void AsioConnection::hear_the_rest() {
  if (phase_ == Phase::open && !throttled()) {
    paused_ = true;  // all of it goes one way, with the end behind it
    const std::span<char> buffer = shard_.read_buffer();
    while (phase_ == Phase::open && wants_bytes()) {
      if (has_kept()) {
        use_kept();
        continue;
      }
      const IoResult got = stream_.read_some(buffer);
      if (got.bytes == 0) break;
      shard_.counters().bytes_in.add(got.bytes);
      keep(use(buffer.first(got.bytes)));
    }
  }
  if (phase_ == Phase::gone) return;
  tell_lost();
  end();
}

}  // namespace sluice::net
