// SPDX-License-Identifier: MIT
// The shared state of a host's sessions.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "consumer/backlog.hpp"
#include "consumer/held_bytes.hpp"
#include "observe/observers.hpp"
#include "sluice/consumer/host.hpp"
#include "sluice/consumer/host_observer.hpp"

namespace sluice::SLUICE_ABI {

class LiveSessions;

/// A host's parts and counters. It exists as long as the host and its sessions. Any thread.
class HostState {
 public:
  HostState(std::shared_ptr<Application> served, ChannelLayer* channel_layer, HostOptions chosen)
      : application(std::move(served)),
        layer(channel_layer),
        options(std::move(chosen)),
        observers(options.observers),
        backlogs(options.limits.server_queued_bytes),
        held(options.limits.server_held_bytes) {}

  const std::shared_ptr<Application> application;
  ChannelLayer* const layer;  // null: none
  const HostOptions options;
  observe::Observers<HostObserver> observers;
  std::atomic<std::uint64_t> last_observed{0};  // id of an observed connection
  BacklogTotal backlogs;                        // of slow clients
  HeldBytes held;                               // by busy consumers

  struct Counters {
    std::atomic<std::uint64_t> connections{0}, opened{0}, accepted{0}, denied{0}, no_route{0}, failed_handlers{0},
        unknown_events{0}, undecodable_events{0}, full_mailboxes{0}, mailbox_overflows{0}, limits_met{0},
        sends_after_close{0}, dropped_at_close{0}, destroyed_handlers{0}, slow_clients{0}, dropped_newest{0},
        dropped_oldest{0}, superseded{0}, gaps_told{0}, shed_consumers{0}, missed_events{0};
  } counters;

  /// Counts dropped mail, and reports it to observers.
  void drop(MailDrop cause, std::uint64_t times = 1) noexcept;

  /// Notes that this executor has sessions of this host.
  void lives_at(LiveSessions& home);
  /// The executor has stopped: destroys its sessions whose connections have ended.
  void executor_ended(const Executor& executor) noexcept;
  /// The host ends: destroys the sessions on stopped executors.
  void end() noexcept;

 private:
  std::mutex mutex_;
  struct Home {
    LiveSessions* sessions;
    std::weak_ptr<LiveSessions> lives;
    bool ended = false;  // its executor has stopped
  };
  std::vector<Home> homes_;
};

/// Adds to a counter. All executors share it, so deliveries to clients that keep up must not call it.
inline void count(std::atomic<std::uint64_t>& counter, std::uint64_t times = 1) noexcept {
  if (times > 0) counter.fetch_add(times, std::memory_order_relaxed);
}

}  // namespace sluice::SLUICE_ABI
