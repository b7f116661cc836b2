// SPDX-License-Identifier: MIT
// The deadlines of one shard's connections, and the timers that watch them.
#pragma once

#include <chrono>
#include <optional>

#include "core/alarm_clock.hpp"
#include "net/loop/deadline_list.hpp"
#include "net/loop/deadline_wheel.hpp"

namespace sluice::SLUICE_ABI::net {

class AsioConnection;
class ServerShard;

/// Each connection has one deadline at a time, or none. One that has passed is
/// reported to its connection by on_deadline(), or by LimitsEnforcer::check() of an open
/// WebSocket. Timers are set for the earliest deadline only. Its executor only.
class ShardDeadlines {
 public:
  enum class Kind {
    handshake,  // ServerLimits::handshake_time
    handler,    // none: the application handles a request
    piece,      // ServerLimits::piece_time, if there is one
    throttled,  // a tenth of a second
    closing,    // ServerLimits::close_time
  };

  explicit ShardDeadlines(ServerShard& shard);

  /// Gives the connection this deadline instead of the one that it had, from
  /// now.
  void enter(AsioConnection& connection, Kind kind);
  /// An open WebSocket: LimitsEnforcer::check() after this time; nullopt: never.
  void enter_open(AsioConnection& connection, std::optional<std::chrono::milliseconds> check_after);

  /// Visits all connections.
  template <class Visit>
  void each(Visit visit);
  /// Takes all connections out, one after the other: `visit` ends them. One
  /// that does not end in the call is due at once.
  template <class Visit>
  void take_all(Deadline::Time now, Visit visit);

 private:
  static AsioConnection& connection_of(Deadline& deadline) noexcept;
  void arm();
  void on_alarm() noexcept;
  void report_passed(Deadline::Time now);
  bool stood_still(Deadline::Time due);

  ServerShard& shard_;
  DeadlineList handshakes_, handling_, pieces_, throttled_, closing_;
  DeadlineWheel opened_;
  AlarmClock alarms_;
  Deadline::Time reports_from_ = Deadline::Time::min();  // no deadline is reported before; later than now
                                                         // after a stall
  bool reports_later_ = false;
};

template <class Visit>
void ShardDeadlines::each(Visit visit) {
  const auto visit_list = [&visit](DeadlineList& list) {
    for (Deadline* item = list.front(); item; item = list.after(*item)) visit(connection_of(*item));
  };
  for (DeadlineList* list : {&handshakes_, &handling_, &pieces_, &throttled_, &closing_}) visit_list(*list);
  opened_.each_list(visit_list);
}

template <class Visit>
void ShardDeadlines::take_all(Deadline::Time now, Visit visit) {
  DeadlineList present;
  for (DeadlineList* list : {&handshakes_, &handling_, &pieces_, &throttled_, &closing_}) present.take_all(*list);
  opened_.each_list([&present](DeadlineList& list) { present.take_all(list); });
  while (Deadline* const item = present.front()) {
    visit(connection_of(*item));
    if (present.front() == item) closing_.add(*item, now);  // it ends in a job of its own
  }
}

}  // namespace sluice::SLUICE_ABI::net
