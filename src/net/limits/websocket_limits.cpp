// SPDX-License-Identifier: MIT
#include "net/limits/websocket_limits.hpp"

#include <algorithm>

namespace sluice::SLUICE_ABI::net {
namespace {

using std::chrono::milliseconds;

// Most peers send a message or a pong now and then only. A rate limiter that is full again is destroyed after this
// time.
constexpr milliseconds limiter_checked_after{1000};

}  // namespace

WebSocketLimits::WebSocketLimits() = default;
WebSocketLimits::~WebSocketLimits() = default;

WebSocketLimits::Cold& WebSocketLimits::cold() {
  if (!cold_) cold_ = std::make_unique<Cold>();
  return *cold_;
}

void WebSocketLimits::release_unused() noexcept {
  if (cold_ && !cold_->limiter && !cold_->late_pong && !cold_->message_begun) cold_.reset();
}

// --- rates

bool WebSocketLimits::start_counting() {
  auto& limiter = cold().limiter;
  if (limiter) return false;
  limiter.emplace();
  return true;
}

void WebSocketLimits::count_bytes(const LimitsNow& now, std::size_t bytes) noexcept {
  cold_->limiter->on_bytes(now.rates, bytes, now.time);
}

RateLimiter::Verdict WebSocketLimits::count_messages(const LimitsNow& now, std::size_t messages) noexcept {
  return cold_->limiter->on_messages(now.rates, messages, now.time);
}

RateLimiter::Verdict WebSocketLimits::check_rates(const LimitsNow& now) noexcept {
  if (!cold_ || !cold_->limiter) return RateLimiter::Verdict::within_rate;
  return cold_->limiter->check(now.rates, now.time);
}

bool WebSocketLimits::resume(const LimitsNow& now) noexcept {
  return !cold_ || !cold_->limiter || cold_->limiter->resume(now.rates, now.time);
}

// --- the time of a message

bool WebSocketLimits::message_begun(const LimitsNow& now) {
  auto& begun = cold().message_begun;
  if (begun) return false;
  begun = now.tick;
  return now.limits.message_time.count() > 0;
}

void WebSocketLimits::message_ended() noexcept {
  if (!cold_) return;
  cold_->message_begun.reset();
  release_unused();
}

bool WebSocketLimits::message_late(const LimitsNow& now, bool reads) noexcept {
  const auto limit = now.limits.message_time;
  if (!cold_ || !cold_->message_begun || limit.count() == 0) return false;
  if (!reads) cold_->message_begun = now.tick;
  return milliseconds(now.tick - *cold_->message_begun) >= limit;
}

// --- checks

WebSocketLimits::Verdict WebSocketLimits::check(const LimitsNow& now, bool reads) noexcept {
  if (cold_ && cold_->limiter && cold_->limiter->full(now.time)) cold_->limiter.reset();
  release_unused();
  if (message_late(now, reads)) return Verdict::message_late;
  switch (keep_alive_.check(now.limits, now.tick)) {
    case KeepAlive::Verdict::alive: break;
    case KeepAlive::Verdict::ping_due:
      if (cold_) cold_->late_pong.reset();
      return Verdict::ping_due;
    case KeepAlive::Verdict::timed_out: return Verdict::pong_missing;
    case KeepAlive::Verdict::idle: return Verdict::idle;
    case KeepAlive::Verdict::expired: return Verdict::expired;
  }
  return Verdict::ok;
}

bool WebSocketLimits::wait_for_pong(const LimitsNow& now, const std::optional<TcpProgress>& progress) {
  if (!progress) return false;
  auto& late = cold().late_pong;
  if (!late) late.emplace();
  if (!late->can_come(*progress, now.limits.pong_time)) return false;
  keep_alive_.extend_pong_wait(now.limits, now.tick);
  return true;
}

std::optional<milliseconds> WebSocketLimits::next_check(const LimitsNow& now) const noexcept {
  auto wait = keep_alive_.next_check(now.limits, now.tick);
  const auto check_within = [&wait](milliseconds time) { wait = std::min(wait.value_or(time), time); };
  if (!cold_) return wait;
  if (cold_->limiter) check_within(limiter_checked_after);
  if (cold_->message_begun && now.limits.message_time.count() > 0) {
    check_within(now.limits.message_time - milliseconds(now.tick - *cold_->message_begun));
  }
  return wait;
}

}  // namespace sluice::SLUICE_ABI::net
