// SPDX-License-Identifier: MIT
#include "redis/outbox.hpp"

#include <iterator>
#include <utility>

namespace sluice::redis {

void Outbox::rewind() {
  waiting_.insert(waiting_.begin(), std::make_move_iterator(again_.begin()), std::make_move_iterator(again_.end()));
  again_.clear();
}

Outgoing Outbox::take() {
  Outgoing outgoing = std::move(waiting_.front());
  waiting_.pop_front();
  return outgoing;
}

void Outbox::drop_expired(Executor::Clock::time_point now, BusCounters& counters) {
  while (!empty() && waiting_.front().publication->expires <= now) {
    count(counters.expired_waiting);
    take().publication->failed(Error(ErrorCode::layer_unavailable, "Redis was away for longer than an event lives"));
  }
}

void Outbox::end(const Error& error) {
  for (auto* queue : {&again_, &waiting_}) {
    for (Outgoing& outgoing : std::exchange(*queue, {})) outgoing.publication->failed(error);
  }
}

}  // namespace sluice::redis
