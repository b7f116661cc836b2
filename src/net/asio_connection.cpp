// SPDX-License-Identifier: MIT
// Bytes out, and the end of life; see asio_connection.hpp.
#include "net/asio_connection.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/failure.hpp"
#include "net/http_stage.hpp"
#include "net/insist.hpp"
#include "net/tls_session.hpp"

namespace sluice::net {
namespace {

// A peer that takes what it was sent before an end, slowly, is waited for so many times close_time at the most.
constexpr std::size_t patience_with_slow_ends = 128;

}  // namespace

AsioConnection::AsioConnection(Shard& shard, Arrival arrival, Admission::Seat seat)
    : shard_(shard), stream_(std::move(arrival.stream)), seat_(std::move(seat)) {
  rare().http = std::make_unique<HttpStage>(*this, arrival.peer, arrival.proxy_protocol);
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
  if (phase_ == Phase::gone || parting_) return;
  if (ready.writable && std::exchange(waits_writable_, false)) {
    on_writable();
    if (phase_ == Phase::gone || parting_) return;
  }
  if (!ready.readable && !ready.ended) return;
  unread_ = true;
  if (ready.ended) peer_ended_ = true;
  greedy_ ? resume_soon() : use_unread();
}

// --- writing

void AsioConnection::write_soon() {
  if (will_write_) return;
  shard_.will_write(*this);
  will_write_ = true;
}

void AsioConnection::queue_bytes(std::string_view bytes) {
  queue_.push_bytes(bytes, shard_.spares());
  write_soon();
}

void AsioConnection::end_turn() {
  will_write_ = false;
  if (phase_ == Phase::gone || parting_) return;
  if (waits_writable_) return release_shared();
  write_queued();
}

void AsioConnection::write_queued() {
  while (!queue_.empty() || !stream_.flushed()) {
    const IoResult gone = write_once();
    if (gone.status == IoStatus::failed) return lost();
    if (gone.bytes > 0) {
      shard_.counters().writes.add();
      shard_.counters().bytes_out.add(gone.bytes);
      if (!note_written(gone.bytes)) return lost();
      if (has_http()) http().on_progress();
    }
    if (gone.status == IoStatus::would_block) return wait_to_write();
  }
  all_written();
}

// False: there was no memory to note it, and so what has been written would be written again.
bool AsioConnection::note_written(std::size_t bytes) noexcept {
  try {
    queue_.took(bytes, shard_.spares());
    return true;
  } catch (...) {
    return false;
  }
}

void AsioConnection::release_shared() {
  const std::size_t before = queue_.held_bytes();
  queue_.release_shared(shard_.frames());
  queue_changed(before);
}

void AsioConnection::wait_to_write() {
  queue_.release_shared(shard_.frames());
  waits_writable_ = true;
  queue_changed(0);
}

void AsioConnection::on_writable() {
  shard_.waiting_changed(queue_.held_bytes(), 0);
  shard_.look_at_clock();
  keep_alive_.on_bytes(shard_.tick());  // its TCP has made room
  write_queued();
}

IoResult AsioConnection::write_once() {
  // Nearly always one range. To clear views for all that a system call may gather took 130 of 546 instructions.
  std::array<std::string_view, 4> few;
  const std::size_t count = queue_.gather(few);
  if (count < few.size()) return stream_.write_some(std::span<const std::string_view>(few.data(), count));
  std::array<std::string_view, Stream::gathered_views> many;
  return stream_.write_some(std::span<const std::string_view>(many.data(), queue_.gather(many)));
}

void AsioConnection::all_written() {
  if (phase_ == Phase::http) return http().on_drained();
  if (wants_drained_ && phase_ == Phase::open) return tell_drained();
  if (phase_ != Phase::leaving) return;
  const IoResult finished = stream_.finish();
  if (finished.status == IoStatus::would_block) return wait_to_write();
  if (finished.status == IoStatus::failed || !drains_) return end();
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

// The connection has failed. An open one may have brought messages that nobody has read, which are read before it is
// over; not in here, as this may be inside a call of Connection, or in the middle of a message.
void AsioConnection::lost() {
  if (phase_ == Phase::open) {
    parting_ = true;
    return resume_soon();
  }
  tell_lost();
  end();
}

void AsioConnection::tell_lost() {
  switch (phase_) {
    case Phase::open:
      if (said_last_word() && *rare_->last_word == LastWord::close) {
        tell_closed(protocol_->close_reason(), Ending::by_peer);
        break;
      }
      tell_closed(CloseReason(close_code::abnormal), Ending::vanished);
      break;
    case Phase::closing: tell_closed(CloseReason(*rare_->closed_with), ending_); break;
    case Phase::http: http().on_lost(); break;
    case Phase::leaving:
    case Phase::draining:
    case Phase::gone: break;
  }
}

void AsioConnection::deadline_passed() {
  switch (phase_) {
    case Phase::http:
      if (read_late_bytes()) http().on_deadline();
      return;
    case Phase::open: return said_last_word() ? hear_last_word() : resume_throttled();
    case Phase::gone: return;
    case Phase::closing:
    case Phase::leaving:
    case Phase::draining: break;
  }
  // A slow reader has until the end of the stop to take what was sent to it.
  const bool waits_for_stop = phase_ == Phase::closing && going_ && !queue_.empty();
  if (takes_its_share() || waits_for_stop) return shard_.enter(*this, Shard::Stage::closing);
  shard_.counters().cut_off.add();
  lost();
}

// Progress renews the deadline of an end, but one that drips does not: each time a peer has to take a 128th of what
// stood before it at first.
bool AsioConnection::takes_its_share() {
  const std::size_t left = queue_.bytes() + stream_.unacknowledged();
  auto& untaken = rare().untaken;
  if (!untaken) {
    untaken = {left, left / patience_with_slow_ends + 1};
    return left > 0;
  }
  const bool takes = left + untaken->share <= untaken->bytes;
  untaken->bytes = std::min(left, untaken->bytes);
  return takes;
}

void AsioConnection::go_away() {
  switch (phase_) {
    case Phase::http: return http().shutdown();
    case Phase::open: return say_goodbye();
    case Phase::closing:
    case Phase::leaving:
    case Phase::draining:
    case Phase::gone: return;
  }
}

void AsioConnection::cut_off() {
  if (opening()) http().refuse({503, "the server stops", {}});
  if (phase_ == Phase::open) fail(shard_.goodbye(), Ending::by_stop);
  if (phase_ == Phase::leaving && !waits_writable_) write_queued();
  lost();
}

// Its own code, or that of its events: no memory, a job that no executor took, a handler of an embedder's own.
void AsioConnection::broke(std::exception_ptr error) noexcept {
  log_failure("a connection ends, what it was doing failed", error);
  if (phase_ == Phase::gone) return;
  try {
    if (phase_ == Phase::open) return fail(CloseReason(close_code::internal_error), Ending::by_gateway);
    lost();
  } catch (...) {
    try {
      lost();
    } catch (...) {
      end();
    }
  }
}

void AsioConnection::end() noexcept {
  if (phase_ == Phase::gone) return;
  phase_ = Phase::gone;
  // Words that the peer does not take are not worth a kernel buffer for minutes: reset instead.
  shard_.poller().remove(stream_.descriptor());
  queue_.empty() && stream_.flushed() ? stream_.close() : stream_.reset();
  if (waits_writable_) shard_.waiting_changed(queue_.held_bytes(), 0);
  queue_.clear(shard_.spares());
  if (rare_) {
    shard_.unused_changed(std::exchange(rare_->unused, 0), 0);
    rare_->kept.reset();
    rare_->ahead.reset();
    rare_->deflater.reset();
  }
  if (protocol_) protocol_->inflate_with(nullptr);
  shard_.left(*this);
  seat_.release();
}

void AsioConnection::let_go() noexcept {
  unlink();
  if (events_) {  // there was no memory to notify them of the end
    insist([this] {
      tell_closed(CloseReason(close_code::abnormal), Ending::vanished);
      tell_now();
    });
  }
  if (has_http() && !http().kept_for_handler()) drop_request();
  const auto last = std::move(self_);
}

void AsioConnection::drop_request() noexcept {
  if (has_http()) http().drop_request();
}

AsioConnection::Rare& AsioConnection::rare() {
  if (!rare_) rare_ = std::make_unique<Rare>();
  return *rare_;
}

void AsioConnection::keep_if_used() noexcept {
  if (!rare_ || rare_->http || rare_->kept || rare_->ahead || rare_->last_word || rare_->unused > 0) return;
  if (rare_->begun || rare_->limiter || rare_->late_pong || rare_->untaken || rare_->closed_with) return;
  if (!rare_->deflater) rare_.reset();
}

}  // namespace sluice::net
