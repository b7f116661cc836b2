// SPDX-License-Identifier: MIT
#include "page/recheck_line.hpp"

#include <utility>

namespace sluice {

RecheckLine::Place::Place(RecheckLine& line, std::size_t most) : state_(line.state_) {
  if (state_->taken < most) {
    ++state_->taken;
    return;
  }
  const auto& [number, wake_up] = state_->line.join();
  number_ = number;
  woken_ = wake_up;
}

// A place that the line has lost was given to this asker.
RecheckLine::Place::~Place() {
  if (number_ == 0 || !state_->line.leave(number_)) state_->release();
}

// The place goes to the asker that has waited longest.
void RecheckLine::State::release() noexcept {
  if (!line.empty()) {
    auto first = line.take_first();
    try {
      return first.mapped().resolve({});
    } catch (...) {  // its executor had no memory for the job: the next asker that ends tries again
      line.put_back(std::move(first));
    }
  }
  --taken;
}

}  // namespace sluice
