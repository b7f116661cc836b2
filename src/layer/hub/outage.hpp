// SPDX-License-Identifier: MIT
// The state of a layer's bus: up, or down with its cause and time.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// Written by the bus's executor, read by any thread. Any thread.
class Outage {
 public:
  struct Cause {
    std::string reason;
    std::chrono::system_clock::time_point since;
  };

  /// A bus that was never up is down since the layer was made.
  Outage() : cause_(Cause{"it has not been up yet", std::chrono::system_clock::now()}) {}

  void begin(std::string_view reason) noexcept {
    const std::lock_guard lock(mutex_);
    cause_.emplace();
    cause_->since = std::chrono::system_clock::now();
    set_reason(reason);
  }
  /// A link is lost, or lost again, while the bus is down.
  void update(std::string_view reason) noexcept {
    const std::lock_guard lock(mutex_);
    if (cause_) set_reason(reason);
  }
  void end() noexcept {
    const std::lock_guard lock(mutex_);
    cause_.reset();
  }
  /// Nothing: the bus is up.
  std::optional<Cause> cause() const {
    const std::lock_guard lock(mutex_);
    return cause_;
  }

 private:
  void set_reason(std::string_view reason) noexcept {
    try {
      cause_->reason = reason;
    } catch (...) {  // no memory: the cause has no text
    }
  }

  mutable std::mutex mutex_;
  std::optional<Cause> cause_;
};

}  // namespace sluice::SLUICE_ABI
