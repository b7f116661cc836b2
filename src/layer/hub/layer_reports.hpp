// SPDX-License-Identifier: MIT
// What a layer reports to its observers.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "observe/observers.hpp"
#include "sluice/core/executor.hpp"
#include "sluice/layer/channel_layer.hpp"
#include "sluice/layer/layer_observer.hpp"

namespace sluice::SLUICE_ABI {

/// Shared by the parts of a layer. Without observers each report is one test. Call it while no lock is held. Any
/// thread.
class LayerReports {
 public:
  using Time = Executor::Clock::time_point;

  explicit LayerReports(const ChannelLayerOptions& options) : observers_(options.observers) {}

  bool observed() const noexcept { return static_cast<bool>(observers_); }
  /// When an event is published, for observers only.
  Time now(const Executor& executor) const { return observed() ? executor.now() : Time(); }

  void published(std::string_view to, bool to_group, const Event& event) noexcept {
    if (!observed()) return;
    const PublishedEvent published{to, to_group, event.type(), event.size()};
    observers_.each([&](LayerObserver& observer) { observer.published(published); });
  }
  void delivered(const DeliveredEvents& events) noexcept {
    if (events.deliveries == 0) return;
    observers_.each([&](LayerObserver& observer) { observer.delivered(events); });
  }
  void written(const std::vector<Time>& published, Time now) noexcept {
    for (const Time at : published) {
      observers_.each([&](LayerObserver& observer) { observer.written(now - at); });
    }
  }
  void dropped(LayerDrop cause, std::string_view to = {}, std::uint64_t events = 1) noexcept {
    if (!observed() || events == 0) return;
    observers_.each([&](LayerObserver& observer) { observer.dropped(cause, to, events); });
  }
  void up() noexcept {
    observers_.each([](LayerObserver& observer) { observer.up(); });
  }
  void down(std::string_view reason) noexcept {
    observers_.each([reason](LayerObserver& observer) { observer.down(reason); });
  }

 private:
  observe::Observers<LayerObserver> observers_;
};

}  // namespace sluice::SLUICE_ABI
