// SPDX-License-Identifier: MIT
// Events that wait for readers, and readers that wait for events: the core of a plain channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "layer/hub/waiting_line.hpp"
#include "sluice/layer/event.hpp"

namespace sluice::SLUICE_ABI {

/// An Item is an `event` and its layer's data about it. Any thread; what is protected: under the lock.
///
///     Queue::Turn turn(queue);
///     for (;;) {
///       if (auto event = queue.pop()) co_return std::move(*event);
///       const auto woken = turn.queue_up();
///       co_await woken;
///     }
template <class Item>
class SharedQueue {
 public:
  using WakeUp = WaitingLine::WakeUp;

  /// The place of a waiting reader. A wake-up is only a hint to try again; a coroutine that is destroyed after the hint
  /// passes it on. One thread at a time.
  class Turn {
   public:
    explicit Turn(SharedQueue& queue) noexcept : queue_(queue) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (number_ != 0) queue_.leave(number_);
    }
    WakeUp queue_up() { return queue_.take_place(number_); }

   private:
    SharedQueue& queue_;
    std::uint64_t number_ = 0;
  };

  std::optional<Event> pop() {
    std::lock_guard lock(mutex_);
    if (items_.empty()) return std::nullopt;
    std::optional<Event> event(std::move(items_.front().event));
    items_.pop_front();
    return event;
  }
  std::deque<Item> take_all() {
    std::lock_guard lock(mutex_);
    return std::exchange(items_, {});
  }
  /// Wakes the reader that waits longest, if there is an event for it. It may run at once: hold no lock.
  void wake_one() {
    std::unique_lock lock(mutex_);
    if (items_.empty() || waiting_.empty()) return;
    auto first = waiting_.take_first();
    lock.unlock();
    try {
      first.mapped().resolve({});
    } catch (...) {  // its executor had no memory for the job: the reader waits on
      lock.lock();
      waiting_.put_back(std::move(first));
      throw;
    }
  }

 protected:
  mutable std::mutex mutex_;
  std::deque<Item> items_;
  WaitingLine waiting_;

 private:
  WakeUp take_place(std::uint64_t& number) {
    std::lock_guard lock(mutex_);
    const auto& place = waiting_.join();
    number = place.first;
    WakeUp woken = place.second;
    if (!items_.empty() && waiting_.leave(number)) woken.resolve({});
    return woken;
  }
  void leave(std::uint64_t number) {
    {
      std::lock_guard lock(mutex_);
      if (waiting_.leave(number)) return;
    }
    wake_one();  // it was woken: if it took nothing, another reader must take the event
  }
};

}  // namespace sluice::SLUICE_ABI
