// SPDX-License-Identifier: MIT
// A connection whose network takes as many bytes as the test allows.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/socket/write_queue.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/transport/connection.hpp"

namespace sluice::SLUICE_ABI::testing {

/// It writes as the real one does, through a WriteQueue, and keeps what has arrived. It never ends by itself. Its
/// executor only.
class Drip final : public Connection {
 public:
  explicit Drip(Executor& executor) : executor_(executor) {}

  void accept(const Acceptance&) override {}
  void deny(const Denial&) override {}
  void send(const Frame& frame) override { queue_.push(frame, spares_); }
  void close(const CloseReason&) override { closed_ = true; }
  void pause_reading() override {}
  void resume_reading() override {}
  std::size_t queued_bytes() const noexcept override { return queue_.bytes(); }
  void tell_when_drained() override {
    wants_drained_ = true;
    tell_if_drained();
  }

  /// Who is told that nothing is queued any more.
  void attach(std::weak_ptr<ConnectionEvents> events) { events_ = std::move(events); }
  /// The network takes up to so many bytes.
  void take(std::size_t bytes, FrameBuffer& frames) {
    std::array<std::string_view, 4> views;
    while (bytes > 0 && !queue_.empty()) {
      const std::size_t count = queue_.gather(views);
      std::size_t taken = 0;
      for (std::size_t i = 0; i < count && taken < bytes; ++i) {
        const std::string_view part = views[i].substr(0, bytes - taken);
        received_ += part;
        taken += part.size();
      }
      queue_.took(taken, spares_);
      bytes -= taken;
    }
    if (!queue_.empty()) queue_.release_shared(frames);
    tell_if_drained();
  }
  /// All that has arrived, whole messages and perhaps the beginning of one.
  const std::string& received() const noexcept { return received_; }
  bool closed() const noexcept { return closed_; }

 private:
  void tell_if_drained() {
    if (!queue_.empty() || !std::exchange(wants_drained_, false)) return;
    executor_.post([events = events_] {
      if (const auto told = events.lock()) told->on_drained();
    });
  }

  Executor& executor_;
  std::weak_ptr<ConnectionEvents> events_;
  net::WriteQueue queue_;
  net::WriteQueue::Spares spares_;
  std::string received_;
  bool closed_ = false;
  bool wants_drained_ = false;
};

}  // namespace sluice::SLUICE_ABI::testing
