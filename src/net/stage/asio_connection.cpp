// SPDX-License-Identifier: MIT
#include "net/stage/asio_connection.hpp"

#include <utility>

#include "core/failure.hpp"
#include "net/loop/insist.hpp"
#include "net/stage/connection_reports.hpp"
#include "net/stage/http_stage.hpp"

namespace sluice::SLUICE_ABI::net {

AsioConnection::AsioConnection(ServerShard& shard, AcceptedSocket accepted, Admission::ConnectionSlot slot)
    : socket_(shard, std::move(accepted.stream)), websocket_(*this), slot_(std::move(slot)) {
  cold().http = std::make_unique<HttpStage>(*this, accepted);
  if (!accepted.read.empty()) cold_->kept = {std::move(accepted.read), 0};
  ConnectionReports(*this).accepted(accepted.peer);
}

AsioConnection::~AsioConnection() { shard().shutdown().connection_destroyed(); }

void AsioConnection::start(std::shared_ptr<AsioConnection> self) {
  self_ = std::move(self);
  shard().deadlines().enter(*this, ShardDeadlines::Kind::handshake);
  socket_.stream().start();
  if (!shard().poller().add(socket_.stream().descriptor(), this)) {
    shard().counters().count_refusal(503);
    return lost();
  }
  if (cold_->kept.bytes.empty()) return;
  shard().counters().bytes_in.add(cold_->kept.bytes.size());
  ConnectionReports(*this).received(cold_->kept.bytes.size());
  reader_.read_on(*this);
}

void AsioConnection::on_ready(Poller::Readiness ready) {
  if (phase_ == Phase::over || failed_) return;
  if (ready.writable && socket_.on_writable()) {
    on_writable();
    if (phase_ == Phase::over || failed_) return;
  }
  if (ready.readable || ready.ended) reader_.on_readable(*this, ready);
}

bool AsioConnection::wants_bytes() const noexcept {
  switch (phase_) {
    case Phase::http: return http()->wants_bytes();
    case Phase::open:
    case Phase::closing: return websocket_.reader().wants_bytes(*this);
    case Phase::draining: return true;
    case Phase::leaving:
    case Phase::over: return false;
  }
  return false;
}

bool AsioConnection::watches_for_loss() const noexcept {
  if (phase_ == Phase::http) return http()->watches_for_loss();
  return phase_ == Phase::open && !wants_bytes();
}

ColdState::ColdState() noexcept = default;
ColdState::~ColdState() = default;

ColdState& AsioConnection::cold() {
  if (!cold_) cold_ = std::make_unique<ColdState>();
  return *cold_;
}

void AsioConnection::release_unused() noexcept {
  if (cold_ && cold_->empty()) cold_.reset();
}

// --- the handshake

bool AsioConnection::opening() const noexcept { return phase_ == Phase::http && http()->opening(); }

void AsioConnection::accept(const Acceptance& acceptance) {
  if (!opening()) return;
  const auto compression = http()->accept(acceptance);
  if (!compression) return;
  phase_ = Phase::open;
  websocket_.begin(*compression);
  if (!http()->inside_open()) {  // else it is destroyed once it has returned
    cold_->http.reset();
    release_unused();
  }
  resume_soon();  // bytes may have arrived right behind the request
  if (shard().stopping()) shard().shutdown().plan(*this);
}

// --- writing

void AsioConnection::write_soon() {
  if (will_write_) return;
  shard().will_write(*this);
  will_write_ = true;
}

void AsioConnection::end_turn() {
  will_write_ = false;
  if (phase_ == Phase::over || failed_) return;
  if (socket_.waits_for_room()) return socket_.release_shared();
  write_queued();
}

void AsioConnection::write_queued() {
  const IoResult written = socket_.flush();
  ConnectionReports(*this).written(written.bytes);
  const bool http_writes = phase_ == Phase::http || (phase_ == Phase::leaving && http());
  if (written.bytes > 0 && http_writes) http()->on_progress();
  if (written.status == IoStatus::failed) return lost();
  if (written.status == IoStatus::ok) on_drained();
}

void AsioConnection::on_writable() {
  shard().read_clock();
  websocket_.limits().on_room(shard());
  write_queued();
}

void AsioConnection::on_drained() {
  if (phase_ == Phase::http) return http()->on_drained();
  if (phase_ == Phase::open) return websocket_.on_drained();
  if (phase_ != Phase::leaving) return;
  const IoResult finished = socket_.finish();
  if (finished.status == IoStatus::would_block) return;
  if (finished.status == IoStatus::failed || !drains_) return end();
  phase_ = Phase::draining;
  if (!socket_.stream().shut_down_writing()) return end();
  if (cold_) cold_->kept = {};
  reader_.read_on(*this);
}

// --- the end

void AsioConnection::begin_closing() {
  phase_ = Phase::closing;
  shard().deadlines().enter(*this, ShardDeadlines::Kind::closing);
  resume_soon();  // a paused connection reads again: the peer's close frame is due
}

void AsioConnection::leave(bool and_drain) {
  phase_ = Phase::leaving;
  drains_ = and_drain;
  shard().deadlines().enter(*this, ShardDeadlines::Kind::closing);
  write_soon();
}

// The peer of an open WebSocket may have sent messages before the connection failed. A later job reads and delivers
// them, because this call may come from inside a call of Connection, or while a message is being read.
void AsioConnection::lost() {
  if (phase_ == Phase::open) {
    failed_ = true;
    return resume_soon();
  }
  notify_lost();
  end();
}

void AsioConnection::notify_lost() {
  switch (phase_) {
    case Phase::http: return http()->on_lost();
    case Phase::open:
    case Phase::closing: return websocket_.on_lost();
    case Phase::leaving:
    case Phase::draining:
    case Phase::over: return;
  }
}

void AsioConnection::on_deadline() {
  switch (phase_) {
    case Phase::http:
      if (reader_.read_late_bytes(*this)) http()->on_deadline();
      return;
    case Phase::open: return websocket_.limits().on_deadline(*this);
    case Phase::over: return;
    case Phase::closing:
    case Phase::leaving:
    case Phase::draining: break;
  }
  const std::size_t left = socket_.undelivered_bytes();
  auto& patience = cold().end_patience;
  const bool progress = patience ? patience->takes_share(left) : left > 0;
  if (!patience) patience.emplace(left);
  // A slow reader has until the end of the stop to take what was sent to it.
  const bool waits_for_stop = phase_ == Phase::closing && websocket_.stopping() && !socket_.empty();
  if (progress || waits_for_stop) return shard().deadlines().enter(*this, ShardDeadlines::Kind::closing);
  shard().counters().cut_off.add();
  lost();
}

void AsioConnection::shutdown() {
  if (phase_ == Phase::http) return http()->shutdown();
  if (phase_ == Phase::open) websocket_.shutdown();
}

void AsioConnection::cut_off() {
  if (opening()) http()->refuse({503, "the server stops", {}});
  if (phase_ == Phase::open) websocket_.fail(shard().shutdown().close_reason(), CloseCause::by_stop);
  if (phase_ == Phase::leaving && !socket_.waits_for_room()) write_queued();
  lost();
}

std::size_t AsioConnection::held(Held what) const noexcept {
  if (what == Held::unused) return cold_ ? cold_->unused : 0;
  const bool may_shed = phase_ == Phase::open || phase_ == Phase::http;
  return may_shed && socket_.waits_for_room() ? socket_.waiting_bytes() : 0;
}

void AsioConnection::shed(Held what) {
  if (what == Held::unused && phase_ == Phase::http && http()->wants_bytes()) {
    return http()->refuse({503, "the server is full", {{"Retry-After", "5"}}});
  }
  if (phase_ == Phase::http && what == Held::queued) return lost();
  if (phase_ != Phase::open) return;
  socket_.drop_waiting();
  const bool queued = what == Held::queued;
  websocket_.fail(CloseReason(close_code::try_again_later, queued ? "too slow, and the server is full"
                                                                  : "too much is unused, and the server is full"),
                  queued ? CloseCause::shed : CloseCause::shed_unused);
}

// The connection's own code has failed, or that of its events: no memory, a job that no executor took, a handler of an
// embedder.
void AsioConnection::broke(std::exception_ptr error) noexcept {
  log_failure("a connection ends, as its work failed", error);
  if (phase_ == Phase::over) return;
  try {
    if (phase_ == Phase::open) {
      return websocket_.fail(CloseReason(close_code::internal_error), CloseCause::by_gateway);
    }
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
  if (phase_ == Phase::over) return;
  phase_ = Phase::over;
  if (const HttpStage* const stage = http();
      stage && (stage->is_streaming() || !socket_.empty() || !socket_.stream().flushed())) {
    shard().counters().responses_cut.add();
  }
  socket_.close();
  websocket_.release();
  ConnectionReports(*this).ended();
  if (cold_) {
    shard().unused_changed(std::exchange(cold_->unused, 0), 0);
    cold_->kept = {};
  }
  shard().left(*this);
  slot_.release();
}

void AsioConnection::turn_after_end() noexcept {
  unlink();
  if (!websocket_.notified()) {  // there was no memory to notify the events
    insist([this] {
      websocket_.finish(CloseReason(close_code::abnormal), CloseCause::vanished);
      websocket_.notify_closed();
    });
  }
  if (HttpStage* const stage = http(); stage && !stage->kept_for_handler()) stage->drop_request();
  const auto last = std::move(self_);
}

}  // namespace sluice::SLUICE_ABI::net
