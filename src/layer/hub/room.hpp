// SPDX-License-Identifier: MIT
// Bounds the events that wait in one place, and wakes senders that wait for room.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "layer/hub/waiting_line.hpp"

namespace sluice::SLUICE_ABI {

/// A bound in events and bytes. A room that is at most half full takes any event, so that no event is too large to be
/// sent, and wakes the senders that wait, one by one. A waiting sender:
///
///     std::optional<Room::Turn> turn;
///     while (!room.take(bytes)) {
///       turn.emplace(room);
///       const auto woken = turn->queue_up();
///       co_await woken;
///     }
///
/// Any thread.
class Room {
 public:
  Room(std::size_t most_events, std::size_t most_bytes) noexcept : most_events_(most_events), most_bytes_(most_bytes) {}
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  /// Counts one event. False: there is no room for it, and it is not counted.
  bool take(std::size_t bytes) noexcept {
    const std::size_t events = events_.fetch_add(1);
    const std::size_t before = bytes_.fetch_add(bytes);
    if (events < most_events_ && before <= most_bytes_ &&
        (bytes <= most_bytes_ - before || before <= most_bytes_ / 2)) {
      return true;
    }
    release(1, bytes);
    return false;
  }
  /// Counts an event that must not be refused.
  void take_anyway(std::size_t bytes) noexcept {
    events_.fetch_add(1);
    bytes_.fetch_add(bytes);
  }
  /// Removes events that no longer wait. It wakes no sender yet.
  void release(std::size_t events, std::size_t bytes) noexcept {
    events_.fetch_sub(events);
    bytes_.fetch_sub(bytes);
  }
  /// Wakes the sender that waits longest, if the room is at most half full. Hold no lock: it may run at once.
  void wake_one() noexcept {
    if (waiting_.load() > 0 && half_full()) wake_first();
  }
  void give_back(std::size_t events, std::size_t bytes) noexcept {
    release(events, bytes);
    wake_one();
  }

  std::size_t events() const noexcept { return events_.load(std::memory_order_relaxed); }
  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  bool full() const noexcept { return events() >= most_events_ || bytes() >= most_bytes_; }
  /// The place ends: wakes all senders, now and later. Their next call must return an error.
  void end() noexcept;

  /// The place of a waiting sender. A wake-up is only a hint to try again; a sender that takes less than there is, or
  /// is destroyed after the hint, passes it on. One thread at a time.
  class Turn {
   public:
    explicit Turn(Room& room) noexcept : room_(room) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (number_ != 0) room_.leave(number_);
    }
    WaitingLine::WakeUp queue_up();

   private:
    Room& room_;
    std::uint64_t number_ = 0;
  };

 private:
  bool half_full() const noexcept {
    return ended_.load() || (events_.load() <= most_events_ / 2 && bytes_.load() <= most_bytes_ / 2);
  }
  void wake_first() noexcept;
  void leave(std::uint64_t number) noexcept;

  const std::size_t most_events_;
  const std::size_t most_bytes_;
  std::atomic<std::size_t> events_{0}, bytes_{0};
  std::atomic<std::size_t> waiting_{0};  // the length of the queue
  std::atomic<bool> ended_{false};
  std::mutex mutex_;
  WaitingLine line_;
};

}  // namespace sluice::SLUICE_ABI
