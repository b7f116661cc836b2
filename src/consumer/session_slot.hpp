// SPDX-License-Identifier: MIT
// A session's entry among the LiveSessions of its executor, and its pending jobs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "consumer/held_bytes.hpp"
#include "consumer/live_sessions.hpp"
#include "sluice/layer/event.hpp"

namespace sluice::SLUICE_ABI {

/// Each job is requested once until it has run. Its executor only.
class SessionSlot {
 public:
  explicit SessionSlot(LiveSessions& home) noexcept : home_(home) {}

  LiveSessions& home() const noexcept { return home_; }
  const std::shared_ptr<Session>& session() const noexcept { return home_.at(index_); }
  void set_index(std::size_t index) noexcept { index_ = static_cast<std::uint32_t>(index) & 0x0fff'ffff; }
  std::size_t index() const noexcept { return index_; }

  /// Runs Session::pump() in a later job.
  void pump_soon() {
    if (pump_posted_) return;
    home_.pump_soon(session());
    pump_posted_ = true;
  }
  void pump_runs() noexcept { pump_posted_ = false; }
  /// The same for Session::unshare().
  void unshare_soon() {
    if (unshare_posted_) return;
    home_.unshare_soon(session());
    unshare_posted_ = true;
  }
  void unshare_runs() noexcept { unshare_posted_ = false; }

  /// The session holds this many bytes now.
  void held_changed(std::size_t before, std::size_t now) {
    if (LiveSessions::is_large(before) != LiveSessions::is_large(now)) home_.note_holder(*session(), now);
  }
  /// The same, and it is more than before: all sessions of its host together may hold too much.
  void holds_more(std::size_t before, std::size_t now, const HeldBytes& held) {
    held_changed(before, now);
    if (held.too_many()) home_.shed_soon(session());
  }
  /// Delivers the event later, unless the session has finished by then.
  void add_alarm(std::chrono::nanoseconds delay, Event event);
  /// The session has finished: leaves the LiveSessions. This may be the last reference to the session, so that the
  /// caller holds one.
  void leave(const Session& session) noexcept;

 private:
  LiveSessions& home_;
  std::uint32_t index_ : 28 = 0;
  bool pump_posted_ : 1 = false;
  bool unshare_posted_ : 1 = false;
  bool has_alarms_ : 1 = false;
};

}  // namespace sluice::SLUICE_ABI
