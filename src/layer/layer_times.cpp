// SPDX-License-Identifier: MIT
#include "sluice/layer/layer_times.hpp"

namespace sluice::SLUICE_ABI {

LayerTimes::LayerTimes() : writes_(Histogram::times()) {}

void LayerTimes::written(std::chrono::nanoseconds after) { writes_.add(after); }

void LayerTimes::add_to(MetricsText& text, const MetricsText::Labels& labels) const {
  text.add_histogram(
      "sluice_layer_publish_to_write_seconds",
      "Time from publishing an event, or its arrival from the bus, to the end of the turn that wrote it.", writes_,
      labels);
}

}  // namespace sluice::SLUICE_ABI
