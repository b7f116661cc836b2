// SPDX-License-Identifier: MIT
#include "net/support/clock.hpp"

#include <sys/time.h>

#include <atomic>
#include <ctime>

namespace {

std::atomic<long> seconds_ahead{0};

}  // namespace

void sluice::test::ClockAhead::move_to(std::chrono::seconds ahead) noexcept { seconds_ahead = ahead.count(); }

extern "C" time_t time(time_t* into) noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const time_t shown = now.tv_sec + seconds_ahead;
  if (into) *into = shown;
  return shown;
}
