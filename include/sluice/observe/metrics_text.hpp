// SPDX-License-Identifier: MIT
// The metrics of a process in the text format of OpenMetrics 1.0, which Prometheus and others read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/observe/histogram.hpp"
#include "sluice/observe/metric.hpp"

namespace sluice::SLUICE_ABI {

/// Collects numbers and writes them as one text:
///
///     MetricsText text;
///     text.add(server.stats()).add(host.stats()).add(layer.stats()).add(pages->stats());
///     return HttpResponse(200, text.str(), std::string(MetricsText::content_type));
///
/// Several servers in one process get a label each: `text.add(admin.stats(), {{"server", "admin"}})`. One thread at a
/// time.
///
/// Source: OpenMetrics 1.0 (its ABNF, and the order of metric families).
class SLUICE_API MetricsText {
 public:
  static constexpr std::string_view content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";

  using Labels = std::vector<std::pair<std::string, std::string>>;

  /// All numbers of a Stats struct.
  template <observe::Measured Stats>
  MetricsText& add(const Stats& stats, const Labels& labels = {}) {
    const std::string prefix(Stats::metric_prefix);
    for (const observe::Metric<Stats>& metric : Stats::metrics()) {
      add(prefix + '_' + std::string(metric.name), metric.kind, metric.help, static_cast<double>(metric.read(stats)),
          labels);
    }
    if constexpr (requires { stats.add_labelled(*this, labels); }) stats.add_labelled(*this, labels);
    return *this;
  }

  /// One number of your own: `text.add_gauge("shop_carts", "Carts that are open now.", carts.size())`. A counter gets
  /// `_total` behind its name in the text. Throws std::invalid_argument for a name that OpenMetrics does not allow, and
  /// for one that was added as the other kind.
  MetricsText& add_counter(std::string_view name, std::string_view help, double value, const Labels& labels = {}) {
    return add(name, observe::MetricKind::counter, help, value, labels);
  }
  MetricsText& add_gauge(std::string_view name, std::string_view help, double value, const Labels& labels = {}) {
    return add(name, observe::MetricKind::gauge, help, value, labels);
  }

  /// A histogram, in seconds where its name ends with _seconds, in bytes where it ends with _bytes. Throws as above.
  MetricsText& add_histogram(std::string_view name, std::string_view help, const Histogram& histogram,
                             const Labels& labels = {});

  /// Everything that has `add_to(MetricsText&, const Labels&)`: the classes that measure times and sizes, ServerTimes
  /// for instance, or one of your own.
  template <class Measures>
  requires requires(const Measures& measured, MetricsText& text, const Labels& labels) {
    measured.add_to(text, labels);
  }
  MetricsText& add(const Measures& measured, const Labels& labels = {}) {
    measured.add_to(*this, labels);
    return *this;
  }

  /// The whole text, with its end mark. Numbers of one name stand together, in the order in which names were added.
  std::string str() const;

 private:
  struct Family {
    std::string name, help;
    observe::MetricKind kind;
    std::string samples;
  };
  MetricsText& add(std::string_view name, observe::MetricKind kind, std::string_view help, double value,
                   const Labels& labels);
  Family& family(std::string_view name, observe::MetricKind kind, std::string_view help);

  std::vector<Family> families_;
};

}  // namespace sluice::SLUICE_ABI
