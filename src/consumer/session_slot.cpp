// SPDX-License-Identifier: MIT
#include "consumer/session_slot.hpp"

#include <utility>

#include "consumer/alarms.hpp"

namespace sluice::SLUICE_ABI {

void SessionSlot::add_alarm(std::chrono::nanoseconds delay, Event event) {
  home_.executor().local<Alarms>().add(session(), delay, std::move(event));
  has_alarms_ = true;  // after the call: if the first one throws there may be no Alarms to leave
}

void SessionSlot::leave(const Session& session) noexcept {
  if (has_alarms_) home_.executor().local<Alarms>().drop(session);
  home_.remove(session);
}

}  // namespace sluice::SLUICE_ABI
