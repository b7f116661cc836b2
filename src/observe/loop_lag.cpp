// SPDX-License-Identifier: MIT
#include "sluice/observe/loop_lag.hpp"

#include <algorithm>
#include <deque>
#include <exception>
#include <string>

#include "core/failure.hpp"

namespace sluice::SLUICE_ABI {

class LoopLag::State : public std::enable_shared_from_this<State> {
 public:
  State(std::size_t executors, std::chrono::milliseconds every) : every_(every) {
    while (lags_.size() < executors) lags_.emplace_back(Histogram::times());
  }

  void set_timer(Executor& executor, std::size_t number) {
    executor.post_after(every_, [weak = weak_from_this(), &executor, number, due = executor.now() + every_] {
      if (const auto self = weak.lock()) self->on_timer(executor, number, due);
    });
  }
  const std::deque<Histogram>& lags() const noexcept { return lags_; }

 private:
  void on_timer(Executor& executor, std::size_t number, Executor::Clock::time_point due) noexcept {
    lags_[number].add(std::max(executor.now() - due, Executor::Clock::duration(0)));
    try {
      set_timer(executor, number);
    } catch (...) {
      log_failure("the lag of an executor is not measured any more", std::current_exception());
    }
  }

  const std::chrono::milliseconds every_;
  std::deque<Histogram> lags_;  // by the executors' numbers
};

LoopLag::LoopLag(ExecutorGroup& executors, std::chrono::milliseconds every)
    : state_(std::make_shared<State>(executors.size(), every)) {
  for (std::size_t i = 0; i < executors.size(); ++i) state_->set_timer(executors.at(i), i);
}

LoopLag::~LoopLag() = default;

void LoopLag::add_to(MetricsText& text, const MetricsText::Labels& labels) const {
  for (std::size_t i = 0; i < state_->lags().size(); ++i) {
    MetricsText::Labels with_executor = labels;
    with_executor.emplace_back("executor", std::to_string(i));
    text.add_histogram("sluice_loop_lag_seconds", "How late a timer ran that was set on an executor, by executor.",
                       state_->lags()[i], with_executor);
  }
}

}  // namespace sluice::SLUICE_ABI
