// SPDX-License-Identifier: MIT
// Bytes in, bytes out, and the end of life; see asio_connection.hpp.
#include "net/asio_connection.hpp"

#include <array>
#include <utility>

#include "net/http_side.hpp"
#include "net/tls_session.hpp"

namespace sluice::net {
namespace {

using Then = Moved::Then;

// A connection that always has more to read lets the others have their turn after this much.
constexpr std::size_t burst_bytes = 256 * 1024;

}  // namespace

AsioConnection::AsioConnection(Shard& shard, Arrival arrival, Admission::Seat seat)
    : shard_(shard), stream_(std::move(arrival.stream)), seat_(std::move(seat)) {
  begin_http(arrival.peer, arrival.proxy_protocol);
}

AsioConnection::~AsioConnection() { shard_.forget(); }

void AsioConnection::start(std::shared_ptr<AsioConnection> self) {
  self_ = std::move(self);
  shard_.enter(*this, Shard::Stage::handshake);
  stream_.start();
  if (shard_.poller().add(stream_.descriptor(), this)) return;
  shard_.counters().count_refusal(503);
  lost();
}

void AsioConnection::on_ready(Poller::Readiness ready) {
  if (phase_ == Phase::gone) return;
  if (ready.writable && std::exchange(waits_writable_, false)) {
    on_writable();
    if (phase_ == Phase::gone) return;
  }
  if (!ready.readable && !ready.ended) return;
  unread_ = true;
  if (ready.ended) peer_ended_ = true;
  use_unread();
}

// --- reading

bool AsioConnection::wants_bytes() const noexcept {
  switch (phase_) {
    case Phase::http: return !answering();
    case Phase::open: return !paused_ && !throttled_;
    case Phase::closing:
    case Phase::draining: return true;
    case Phase::opening:
    case Phase::leaving:
    case Phase::gone: return false;
  }
  return false;
}

// Nobody wants to read, but the loss of the connection is of interest.
bool AsioConnection::watches() const noexcept {
  return phase_ == Phase::opening || (phase_ == Phase::open && !wants_bytes());
}

void AsioConnection::read_on() {
  if (unread_ && (reads_now() || (watches() && peer_ended_))) go_on_soon();
}

void AsioConnection::use_unread() {
  if (awaits_proxy_header()) return read_proxy_header();
  if (reads_now()) return read_burst();
  if (watches()) look_for_loss();
}

void AsioConnection::read_burst() {
  const std::span<char> buffer = shard_.read_buffer();
  std::size_t total = 0;
  while (reads_now() && total < burst_bytes) {
    const Moved got = stream_.read_some(buffer);
    if (got.then == Then::over) return read_failed();
    total += got.bytes;
    if (got.bytes > 0) {
      shard_.counters().bytes_in.add(got.bytes);
      if (phase_ == Phase::open) heard(got.bytes);
      const std::span<char> rest = use(buffer.first(got.bytes));
      if (!rest.empty()) rare().kept.emplace(Kept{std::string(rest.data(), rest.size()), 0});
      if (phase_ == Phase::open && !throttled_ && overdrawn()) too_fast();
    }
    // A short count is the last one, unless the end stands behind it, which will not be told again.
    const bool end_is_next = peer_ended_ || stream_.end_is_next();
    if (got.then == Then::wait && (got.bytes == 0 || !end_is_next)) {
      unread_ = false;
      break;
    }
    if (got.bytes == 0) break;  // TLS had much to do for itself: now the others
  }
  if (!stream_.flushed()) write_soon();  // TLS has answered
  read_on();
}

void AsioConnection::read_failed() {
  const TlsSession* const tls = stream_.tls();
  if (!tls || tls->failure().empty()) return lost();
  shard_.tls_failed(tls->failure());
  if (tls->spoke_http()) {
    stream_.speak_plainly();
    return refuse({400, "this port speaks TLS: ask for https:// or wss://", {}});
  }
  const std::size_t before = queue_.bytes();
  queue_.clear(shard_.spares());
  queue_changed(before);
  tell_lost();
  leave(true);  // what TLS has said of it reaches the peer
}

// Is the peer still there? Bytes that wait hide an orderly end, but not a reset.
void AsioConnection::look_for_loss() {
  const Stream::Waiting waiting = stream_.look();
  if (waiting == Stream::Waiting::over || (waiting == Stream::Waiting::bytes && stream_.broken())) lost();
}

// Uses what is wanted of the input, and returns the rest that will be wanted later.
std::span<char> AsioConnection::use(std::span<char> input) {
  if (phase_ == Phase::http) read_requests(input);
  if (phase_ == Phase::open || phase_ == Phase::closing) read_messages(input);
  const bool later = phase_ == Phase::http || phase_ == Phase::opening || phase_ == Phase::open;
  return later ? input : std::span<char>();
}

void AsioConnection::go_on_soon() {
  if (std::exchange(goes_on_soon_, true)) return;
  shard_.executor().post([self = self_] {
    if (self->phase_ != Phase::gone) self->go_on();
  });
}

void AsioConnection::go_on() {
  goes_on_soon_ = false;
  shard_.look_at_clock();
  if (rare_ && rare_->kept && wants_bytes()) {
    Kept kept = *std::exchange(rare_->kept, std::nullopt);
    const std::span<char> rest = use(std::span<char>(kept.bytes).subspan(kept.used));
    kept.used = kept.bytes.size() - rest.size();
    if (!rest.empty()) rare().kept = std::move(kept);
    keep_if_used();
  }
  if (unread_) use_unread();
}

// --- writing

void AsioConnection::write_soon() {
  if (!std::exchange(will_write_, true)) shard_.will_write(*this);
}

void AsioConnection::end_turn() {
  will_write_ = false;
  if (phase_ == Phase::gone) return;
  if (waits_writable_) return queue_.release_shared(shard_.frames());
  write_queued();
}

void AsioConnection::write_queued() {
  while (!queue_.empty() || !stream_.flushed()) {
    const Moved gone = write_once();
    if (gone.then == Then::over) return lost();
    if (gone.bytes > 0) {
      shard_.counters().writes.add();
      shard_.counters().bytes_out.add(gone.bytes);
      queue_.took(gone.bytes, shard_.spares());
      if (has_http()) http_progress();
    }
    if (gone.then == Then::wait) return wait_to_write();
  }
  all_written();
}

void AsioConnection::wait_to_write() {
  queue_.release_shared(shard_.frames());
  waits_writable_ = true;
  queue_changed(0);
}

void AsioConnection::on_writable() {
  shard_.waiting_changed(queue_.bytes(), 0);
  shard_.look_at_clock();
  validity_.heard(shard_.tick());  // its TCP has made room
  write_queued();
}

Moved AsioConnection::write_once() {
  // Nearly always one range. To clear views for all that a system call may gather took 130 of 546 instructions.
  std::array<std::string_view, 4> few;
  const std::size_t count = queue_.gather(few);
  if (count < few.size()) return stream_.write_some(std::span<const std::string_view>(few.data(), count));
  std::array<std::string_view, Stream::gathered_views> many;
  return stream_.write_some(std::span<const std::string_view>(many.data(), queue_.gather(many)));
}

void AsioConnection::all_written() {
  if (phase_ == Phase::http) return http_written();
  if (wants_drained_ && phase_ == Phase::open) return tell_drained();
  if (phase_ != Phase::leaving) return;
  const Moved finished = stream_.finish();
  if (finished.then == Then::wait) return wait_to_write();
  if (finished.then == Then::over || !drains_) return end();
  phase_ = Phase::draining;
  if (!stream_.shut_down_writing()) return end();
  if (rare_) rare_->kept.reset();
  read_on();
}

// --- ending

void AsioConnection::leave(bool and_drain) {
  phase_ = Phase::leaving;
  drains_ = and_drain;
  shard_.enter(*this, Shard::Stage::closing);
  write_soon();
}

void AsioConnection::lost() {
  tell_lost();
  end();
}

void AsioConnection::tell_lost() {
  switch (phase_) {
    case Phase::opening:
    case Phase::open: tell_closed(CloseReason(close_code::abnormal), Ending::vanished); break;
    case Phase::closing: tell_closed(CloseReason(*rare_->closed_with), ending_); break;
    case Phase::http:
    case Phase::leaving:
    case Phase::draining:
    case Phase::gone: break;
  }
}

void AsioConnection::deadline_passed() {
  switch (phase_) {
    case Phase::http: return request_late();
    case Phase::opening: return refuse({503, "the application did not answer the handshake in time", {}});
    case Phase::open: return look_at_allowance();
    case Phase::gone: return;
    case Phase::closing:
      // A slow reader has until the end of the stop to take what was sent to it.
      if (going_ && !queue_.empty()) return shard_.enter(*this, Shard::Stage::closing);
      [[fallthrough]];
    case Phase::leaving:
    case Phase::draining: shard_.counters().cut_off.add(); return lost();
  }
}

void AsioConnection::go_away() {
  switch (phase_) {
    case Phase::http: return leave_if_idle();
    case Phase::open: return say_goodbye();
    case Phase::opening:  // once it is accepted, it has its turn
    case Phase::closing:
    case Phase::leaving:
    case Phase::draining:
    case Phase::gone: return;
  }
}

void AsioConnection::cut_off() {
  if (phase_ == Phase::opening) refuse({503, "the server stops", {}});
  if (phase_ == Phase::open) fail(shard_.goodbye(), Ending::by_stop);
  if (phase_ == Phase::leaving && !waits_writable_) write_queued();
  lost();
}

void AsioConnection::end() noexcept {
  if (phase_ == Phase::gone) return;
  phase_ = Phase::gone;
  // Words that the peer does not take are not worth a kernel buffer for minutes: reset instead.
  shard_.poller().remove(stream_.descriptor());
  queue_.empty() && stream_.flushed() ? stream_.close() : stream_.reset();
  if (waits_writable_) shard_.waiting_changed(queue_.bytes(), 0);
  queue_.clear(shard_.spares());
  if (rare_) {
    rare_->kept.reset();
    rare_->deflater.reset();
  }
  if (protocol_) protocol_->inflate_with(nullptr);
  unlink();
  shard_.left(seated());
  seat_.release();
  // Not under the feet of a caller, and not before the shard has looked at those that wanted to write this turn.
  shard_.executor().at_end_of_turn([self = std::move(self_)] {});
}

AsioConnection::Rare& AsioConnection::rare() {
  if (!rare_) rare_ = std::make_unique<Rare>();
  return *rare_;
}

void AsioConnection::keep_if_used() noexcept {
  if (!rare_ || rare_->http || rare_->kept || rare_->allowance || rare_->closed_with || rare_->deflater) return;
  rare_.reset();
}

}  // namespace sluice::net
