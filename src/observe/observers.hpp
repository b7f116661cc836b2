// SPDX-License-Identifier: MIT
// The observers of a host, a server or a layer, called so that none of them can do harm.
#pragma once

#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "core/failure.hpp"
#include "sluice/core/log_throttle.hpp"

namespace sluice::SLUICE_ABI::observe {

/// Where there are none, the caller tests that and does nothing else. Any thread.
template <class Observer>
class Observers {
 public:
  explicit Observers(std::vector<std::shared_ptr<Observer>> observers) : all_(std::move(observers)) {
    std::erase(all_, nullptr);
    any_ = !all_.empty();
  }

  explicit operator bool() const noexcept { return any_; }

  /// Calls each in turn. What one throws is logged, a few lines in ten seconds, and the next one is called.
  template <class Call>
  void each(Call call) noexcept {
    for (const auto& observer : all_) {
      try {
        call(*observer);
      } catch (...) {
        failures_.write(LogLevel::error, "observer",
                        [] { return "an observer threw: " + text_of(std::current_exception()); });
      }
    }
  }

 private:
  bool any_ = false;
  std::vector<std::shared_ptr<Observer>> all_;
  LogThrottle failures_;
};

}  // namespace sluice::SLUICE_ABI::observe
