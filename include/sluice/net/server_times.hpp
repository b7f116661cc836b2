// SPDX-License-Identifier: MIT
// How long requests take, and how much waits for slow networks, as histograms.
#pragma once

#include "sluice/abi.hpp"
#include "sluice/net/server_observer.hpp"
#include "sluice/observe/histogram.hpp"
#include "sluice/observe/metrics_text.hpp"

namespace sluice::SLUICE_ABI {

/// An observer that measures, to be given in AsioServerOptions::observers and added to a MetricsText. One object may
/// observe several servers, whose values it adds up. Any thread.
class SLUICE_API ServerTimes final : public ServerObserver {
 public:
  ServerTimes();

  void http_answered(const ObservedSocket& socket, const HttpAnswer& answer) override;
  void websocket_closed(const ObservedSocket& socket, const WebSocketEnd& end) override;
  void output_waited(std::size_t bytes) override;

  /// sluice_server_http_seconds, sluice_server_websocket_seconds and sluice_server_output_waited_bytes.
  void add_to(MetricsText& text, const MetricsText::Labels& labels = {}) const;

 private:
  Histogram http_, websockets_, waited_;
};

}  // namespace sluice::SLUICE_ABI
