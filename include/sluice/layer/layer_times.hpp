// SPDX-License-Identifier: MIT
// How long events take from their publishing to the network, as a histogram.
#pragma once

#include "sluice/abi.hpp"
#include "sluice/layer/layer_observer.hpp"
#include "sluice/observe/histogram.hpp"
#include "sluice/observe/metrics_text.hpp"

namespace sluice::SLUICE_ABI {

/// An observer that measures, to be given in ChannelLayerOptions::observers and added to a MetricsText. One object may
/// observe several layers, whose times it adds up. Any thread.
class SLUICE_API LayerTimes final : public LayerObserver {
 public:
  LayerTimes();

  void written(std::chrono::nanoseconds after) override;

  /// sluice_layer_publish_to_write_seconds.
  void add_to(MetricsText& text, const MetricsText::Labels& labels = {}) const;

 private:
  Histogram writes_;
};

}  // namespace sluice::SLUICE_ABI
