// SPDX-License-Identifier: MIT
#include "layer/hub/reading_pauses.hpp"

#include <chrono>

namespace sluice::SLUICE_ABI {
namespace {

constexpr auto look_time = std::chrono::milliseconds(10);

}  // namespace

void ReadingPauses::look_later() noexcept {
  if (timer_is_set_ || waiting_.empty()) return;
  try {
    executor_.post_after(look_time, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->timer_is_set_ = false;
      self->look();
    });
    timer_is_set_ = true;
  } catch (...) {}
}

// A callback that throws is called again later, and does not delay the others.
void ReadingPauses::look() noexcept {
  if (hub_->has_room()) {
    std::list<Function<void()>> ready;
    ready.swap(waiting_);
    while (!ready.empty()) {
      try {
        ready.front()();
        ready.pop_front();
      } catch (...) {
        waiting_.splice(waiting_.end(), ready, ready.begin());
      }
    }
  }
  look_later();
}

}  // namespace sluice::SLUICE_ABI
