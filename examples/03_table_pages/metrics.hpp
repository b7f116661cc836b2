// SPDX-License-Identifier: MIT
// GET /metrics, /healthz and /readyz, on a port of their own that clients do not reach.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/consumer/host_times.hpp"
#include "sluice/layer/layer_times.hpp"
#include "sluice/net/server_times.hpp"
#include "sluice/observe/health.hpp"
#include "sluice/observe/loop_lag.hpp"
#include "sluice/observe/metrics_text.hpp"
#include "sluice/transport/gateway.hpp"

/// Measures the times of the host, the layer, the server and the executors, if it is asked to.
class Times {
 public:
  Times(bool measures, sluice::ExecutorGroup& executors) {
    if (!measures) return;
    host_ = std::make_shared<sluice::HostTimes>();
    layer_ = std::make_shared<sluice::LayerTimes>();
    server_ = std::make_shared<sluice::ServerTimes>();
    lag_.emplace(executors);
  }

  // A null observer is none.
  std::vector<std::shared_ptr<sluice::HostObserver>> of_host() const { return {host_}; }
  std::vector<std::shared_ptr<sluice::LayerObserver>> of_layer() const { return {layer_}; }
  std::vector<std::shared_ptr<sluice::ServerObserver>> of_server() const { return {server_}; }

  void add_to(sluice::MetricsText& text, const sluice::MetricsText::Labels& labels = {}) const {
    if (lag_) text.add(*host_, labels).add(*layer_, labels).add(*server_, labels).add(*lag_, labels);
  }

 private:
  std::shared_ptr<sluice::HostTimes> host_;
  std::shared_ptr<sluice::LayerTimes> layer_;
  std::shared_ptr<sluice::ServerTimes> server_;
  std::optional<sluice::LoopLag> lag_;
};

/// Answers Prometheus with what `collect` adds, and probes with what `examine` finds.
class Metrics final : public sluice::HttpHandler {
 public:
  Metrics(std::function<void(sluice::MetricsText&)> collect, std::function<sluice::Health()> examine)
      : collect_(std::move(collect)), examine_(std::move(examine)) {}

  sluice::Task<sluice::HttpResponse> handle(const sluice::HttpRequest& request) override {
    if (request.path() == "/healthz") return sluice::HttpResponse::json(examine_().json());
    if (request.path() == "/readyz") {
      const sluice::Health health = examine_();
      return sluice::HttpResponse::json(health.json(), health.well() ? 200 : 503);
    }
    if (request.path() != "/metrics") return sluice::HttpResponse(404, "try /metrics, /healthz or /readyz\n");
    sluice::MetricsText text;
    collect_(text);
    return sluice::HttpResponse(200, text.str(), std::string(sluice::MetricsText::content_type));
  }

 private:
  std::function<void(sluice::MetricsText&)> collect_;
  std::function<sluice::Health()> examine_;
};
