// SPDX-License-Identifier: MIT
// GET /metrics, on a port of its own that clients do not reach.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "sluice/observe/metrics_text.hpp"
#include "sluice/transport/gateway.hpp"

/// Answers Prometheus with what `collect` adds.
class Metrics final : public sluice::HttpHandler {
 public:
  explicit Metrics(std::function<void(sluice::MetricsText&)> collect) : collect_(std::move(collect)) {}

  sluice::Task<sluice::HttpResponse> handle(const sluice::HttpRequest& request) override {
    if (request.path() != "/metrics") return sluice::HttpResponse(404, "try /metrics\n");
    sluice::MetricsText text;
    collect_(text);
    return sluice::HttpResponse(200, text.str(), std::string(sluice::MetricsText::content_type));
  }

 private:
  std::function<void(sluice::MetricsText&)> collect_;
};
