// SPDX-License-Identifier: MIT
#include "net/shard/shard_deadlines.hpp"

#include <algorithm>
#include <utility>

#include "net/loop/insist.hpp"
#include "net/shard/server_shard.hpp"
#include "net/stage/asio_connection.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

// A deadline that is checked this late was missed by this thread, not by the peer.
constexpr auto stall = std::chrono::milliseconds(100);
constexpr auto longest_pause_after_stall = std::chrono::seconds(1);
// How long a throttled peer is not read; then it may have tokens again.
constexpr auto throttle_time = std::chrono::milliseconds(100);

// Slots so short that a deadline is less than a hundredth late, and that not
// all deadlines within a second fall into one.
std::chrono::milliseconds slot_for(const ServerLimits& limits) noexcept {
  auto shortest = std::chrono::milliseconds::max();
  for (const auto time : {limits.ping_every, limits.pong_time, limits.idle_time, limits.lifetime}) {
    if (time.count() > 0) shortest = std::min(shortest, time);
  }
  return std::clamp(shortest / 128, std::chrono::milliseconds(1), std::chrono::milliseconds(60'000));
}

}  // namespace

ShardDeadlines::ShardDeadlines(ServerShard& shard) : shard_(shard), opened_(slot_for(shard.limits()), shard.now()) {}

AsioConnection& ShardDeadlines::connection_of(Deadline& deadline) noexcept {
  return static_cast<AsioConnection&>(deadline);
}

void ShardDeadlines::enter(AsioConnection& connection, Kind kind) {
  const auto now = shard_.executor().now();
  switch (kind) {
    case Kind::handshake: handshakes_.add(connection, now + shard_.limits().handshake_time); break;
    case Kind::handler: handling_.add(connection, Deadline::never); break;
    case Kind::piece: {
      const auto piece_time = shard_.limits().piece_time;
      pieces_.add(connection, piece_time.count() > 0 ? now + piece_time : Deadline::never);
      break;
    }
    case Kind::throttled: throttled_.add(connection, now + throttle_time); break;
    case Kind::closing: closing_.add(connection, now + shard_.limits().close_time); break;
  }
  arm();
}

void ShardDeadlines::enter_open(AsioConnection& connection, std::optional<std::chrono::milliseconds> check_after) {
  opened_.turn(shard_.now());
  opened_.add(connection, check_after ? shard_.now() + *check_after : Deadline::never);
  arm();
}

void ShardDeadlines::arm() {
  auto next = std::min(
      {handshakes_.next_due(), pieces_.next_due(), throttled_.next_due(), closing_.next_due(), opened_.next_due()});
  if (next == Deadline::never) return;
  next = std::max(next, reports_from_);
  alarms_.set(shard_.executor(), next, [this, weak = shard_.weak_from_this()] {
    if (const auto alive = weak.lock()) on_alarm();
  });
}

// An executor that was blocked, or a machine that slept, has read nothing meanwhile. Bytes that arrived in time are
// read before a deadline is reported. Only once, so that handlers that always block do not disable the deadlines.
bool ShardDeadlines::stood_still(Deadline::Time due) {
  const auto late = shard_.now() - due;
  if (late < stall || std::exchange(reports_later_, true)) {
    reports_later_ = false;
    return false;
  }
  reports_from_ = shard_.now() + std::min<Deadline::Time::duration>(late, longest_pause_after_stall);
  return true;
}

void ShardDeadlines::on_alarm() noexcept {
  const auto due = alarms_.rang();
  const auto now = shard_.read_clock();
  if (now >= reports_from_ && !stood_still(due)) report_passed(now);
  insist([this] { arm(); });  // without a timer the others would not be checked
}

void ShardDeadlines::report_passed(Deadline::Time now) {
  for (DeadlineList* list : {&handshakes_, &pieces_, &throttled_, &closing_}) {
    // A connection leaves the list in the call, or moves to its back with a
    // later deadline.
    while (list->next_due() <= now) {
      AsioConnection& due = connection_of(*list->front());
      due.guarded([&] { due.on_deadline(); });
    }
  }
  opened_.turn(now);
  while (Deadline* item = opened_.take_due()) {
    AsioConnection& due = connection_of(*item);
    due.guarded([&] { due.websocket().limits().check(due); });
  }
}

}  // namespace sluice::SLUICE_ABI::net
