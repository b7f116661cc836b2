// SPDX-License-Identifier: MIT
#include "page/recheck_line.hpp"

#include <algorithm>
#include <utility>

namespace sluice::SLUICE_ABI {

RecheckLine::Place::Place(Executor& executor, std::size_t most) : state_(executor.local<RecheckLine>().state_) {
  State& state = *state_;
  state.executor = &executor;
  state.most = most;
  if (state.line.empty() && state.holders.size() < most) {
    state.hold(*this);
    return;
  }
  state.watch();
  const auto& [number, wake_up] = state.line.join();
  number_ = number;
  woken_ = wake_up;
  try {
    state.waiting.emplace(number_, this);
  } catch (...) {
    (void)state.line.leave(number_);
    throw;
  }
  state.fill();  // places are free if a wake-up had no memory
}

RecheckLine::Place::~Place() {
  if (at_ == At::line) state_->leave(*this);
  if (at_ == At::place) state_->let_go(*this, At::lapsed);
  state_->fill();
}

void RecheckLine::State::hold(Place& place) noexcept {
  place.at_ = Place::At::place;
  place.since_ = executor->now();
  holders.splice(holders.end(), place.self_);
}

void RecheckLine::State::let_go(Place& place, Place::At at) noexcept {
  place.at_ = at;
  place.self_.splice(place.self_.end(), holders, std::ranges::find(holders, &place));
}

void RecheckLine::State::leave(Place& place) noexcept {
  (void)line.leave(place.number_);
  waiting.erase(place.number_);
}

// Free places go to those that have waited longest.
void RecheckLine::State::fill() noexcept {
  while (executor && !line.empty() && holders.size() < most) {
    auto first = line.take_first();
    auto asker = waiting.extract(first.key());
    Place& place = *asker.mapped();
    hold(place);
    try {
      first.mapped().resolve({});
    } catch (...) {  // its executor had no memory for the job: look() tries again
      let_go(place, Place::At::line);
      waiting.insert(std::move(asker));
      line.put_back(std::move(first));
      return;
    }
  }
}

// While a client waits.
void RecheckLine::State::watch() {
  if (watches) return;
  executor->post_after(place_time / 2, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->look();
  });
  watches = true;
}

void RecheckLine::State::look() noexcept {
  watches = false;
  const auto now = executor->now();
  while (!holders.empty() && now - holders.front()->since_ >= place_time) {
    let_go(*holders.front(), Place::At::lapsed);
  }
  fill();
  if (line.empty()) return;
  try {
    watch();
  } catch (...) {  // no memory for the timer: the next client sets it
  }
}

}  // namespace sluice::SLUICE_ABI
