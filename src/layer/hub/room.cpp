// SPDX-License-Identifier: MIT
#include "layer/hub/room.hpp"

#include <utility>

namespace sluice::SLUICE_ABI {

// The sender is in the queue before it checks the room again, and a thread that makes room checks the queue afterwards:
// one of the two sees the other.
WaitingLine::WakeUp Room::Turn::queue_up() {
  WaitingLine::WakeUp woken;
  {
    std::lock_guard lock(room_.mutex_);
    const auto& [number, wake_up] = room_.line_.join();
    number_ = number;
    woken = wake_up;
    room_.waiting_.store(room_.line_.size());
  }
  room_.wake_one();
  return woken;
}

void Room::wake_first() noexcept {
  std::unique_lock lock(mutex_);
  if (line_.empty()) return;
  auto first = line_.take_first();
  waiting_.store(line_.size());
  lock.unlock();
  try {
    first.mapped().resolve({});
  } catch (...) {  // its executor had no memory for the job: the next one that makes room tries again
    lock.lock();
    line_.put_back(std::move(first));
    waiting_.store(line_.size());
  }
}

void Room::leave(std::uint64_t number) noexcept {
  {
    std::lock_guard lock(mutex_);
    const bool waited = line_.leave(number);
    waiting_.store(line_.size());
    if (waited) return;
  }
  wake_one();
}

void Room::end() noexcept {
  ended_.store(true);
  wake_one();  // each wakes the next
}

}  // namespace sluice::SLUICE_ABI
