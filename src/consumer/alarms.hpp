// SPDX-License-Identifier: MIT
// Events that the sessions of one executor will receive at a later time.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

#include "core/alarm_clock.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/layer/event.hpp"

namespace sluice::SLUICE_ABI {

class Session;

/// Delivers each event when it is due, and removes those of a finished session: a timer of the executor cannot be
/// cancelled, and would keep the session's memory until it is due. Its executor only.
class Alarms {
 public:
  explicit Alarms(Executor& executor) noexcept : executor_(executor) {}
  Alarms(const Alarms&) = delete;
  Alarms& operator=(const Alarms&) = delete;

  /// When it throws, nothing has changed.
  void add(const std::shared_ptr<Session>& session, std::chrono::nanoseconds delay, Event event);
  void drop(const Session& session) noexcept;

 private:
  using Time = Executor::Clock::time_point;
  using Due = std::pair<Time, std::uint64_t>;  // when, and in which order they were added
  struct Alarm {
    std::weak_ptr<Session> session;
    const Session* owner;
    Event event;
  };

  using Alarmed = std::map<Due, Alarm>;

  void arm();
  void arm_or_miss() noexcept;
  void ring() noexcept;
  Alarmed::node_type take_first() noexcept;

  Executor& executor_;
  std::uint64_t added_ = 0;
  Alarmed alarms_;
  std::set<std::tuple<const Session*, Time, std::uint64_t>> owners_;
  AlarmClock clock_;
};

}  // namespace sluice::SLUICE_ABI
