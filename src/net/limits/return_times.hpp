// SPDX-License-Identifier: MIT
// The reconnect times of clients whose connections the server closes. No clock and no sockets.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/core/close_reason.hpp"

namespace sluice::SLUICE_ABI::net {

/// Numbers from 0 to 1 that fill the interval evenly, however many are drawn: fractions of multiples of the golden
/// ratio. Successive ones are far apart; the first is 0. Any thread.
class EvenParts {
 public:
  double next() noexcept {
    return static_cast<double>(drawn_.fetch_add(1, std::memory_order_relaxed) * 0x9E3779B97F4A7C15U) * 0x1p-64;
  }

 private:
  std::atomic<std::uint64_t> drawn_{0};
};

/// Adds to the reason of a close the client's reconnect time. Any thread.
class ReturnTimes {
 public:
  /// 0: reasons stay as they are.
  explicit ReturnTimes(std::chrono::milliseconds earliest) noexcept : earliest_(earliest) {}

  /// The reason with `retry_after_ms=4170` behind its text: times are evenly spread from the earliest to twice that. A
  /// reason that already has a time, or has no room for it in a close frame, is returned unchanged.
  CloseReason invite_back(const CloseReason& reason) {
    constexpr std::string_view name = "retry_after_ms=";
    if (earliest_.count() <= 0 || reason.text().find(name) != std::string::npos) return reason;
    const auto later = static_cast<std::int64_t>(parts_.next() * static_cast<double>(earliest_.count()));
    std::string text = reason.text() + (reason.text().empty() ? "" : " ");
    text += name;
    text += std::to_string(earliest_.count() + later);
    return text.size() <= max_close_text_bytes ? CloseReason(reason.code(), std::move(text)) : reason;
  }

 private:
  const std::chrono::milliseconds earliest_;
  EvenParts parts_;
};

}  // namespace sluice::SLUICE_ABI::net
