// SPDX-License-Identifier: MIT
// Events that wait for readers, and readers that wait for events: what is inside every plain channel.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>

#include "sluice/core/completion.hpp"
#include "sluice/layer/event.hpp"

namespace sluice {

/// An Item is an `event` and what its layer knows about it. Any thread; what is protected: under the lock.
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
  using WakeUp = Completion<std::monostate>;

  /// What a reader that waits holds. A wake-up is only a hint to look again; a coroutine that is destroyed behind the
  /// hint passes it on. One thread at a time.
  class Turn {
   public:
    explicit Turn(SharedQueue& queue) noexcept : queue_(queue) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (number_ != 0) queue_.leave(number_);
    }
    WakeUp queue_up() {
      const Place place = queue_.take_place();
      number_ = place.number;
      return place.woken;
    }

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
  /// Wakes the reader that waits longest, if there is an event for it. It may go on at once: hold no lock.
  void wake_one() {
    std::unique_lock lock(mutex_);
    if (items_.empty() || waiting_.empty()) return;
    const Place place = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    place.woken.resolve({});
  }

 protected:
  struct Place {
    std::uint64_t number;
    WakeUp woken;
  };

  mutable std::mutex mutex_;
  std::deque<Item> items_;
  std::deque<Place> waiting_;

 private:
  Place take_place() {
    std::lock_guard lock(mutex_);
    Place place{++last_number_, {}};
    if (items_.empty()) {
      waiting_.push_back(place);
    } else {
      place.woken.resolve({});
    }
    return place;
  }
  void leave(std::uint64_t number) {
    {
      std::lock_guard lock(mutex_);
      if (std::erase_if(waiting_, [&](const Place& place) { return place.number == number; }) > 0) return;
    }
    wake_one();  // it had been woken: if it took nothing, the event is another reader's
  }

  std::uint64_t last_number_ = 0;
};

}  // namespace sluice
