// SPDX-License-Identifier: MIT
// How long handlers run, and how long mail waits for them, as histograms.
#pragma once

#include <array>
#include <cstddef>

#include "sluice/abi.hpp"
#include "sluice/consumer/host_observer.hpp"
#include "sluice/observe/histogram.hpp"
#include "sluice/observe/metrics_text.hpp"

namespace sluice::SLUICE_ABI {

/// An observer that measures:
///
///     const auto times = std::make_shared<sluice::HostTimes>();
///     sluice::Host host(application, layer, {.observers = {times}});
///     ...
///     text.add(host.stats()).add(*times);
///
/// One object may observe several hosts, whose times it adds up. Any thread.
class SLUICE_API HostTimes final : public HostObserver {
 public:
  HostTimes();

  void handler_begun(const ObservedConnection& connection, const HandlerCall& call) override;
  void handler_ended(const ObservedConnection& connection, const HandlerCall& call,
                     const HandlerResult& result) override;

  /// sluice_host_handler_seconds, with the label `handler`, and sluice_host_mailbox_wait_seconds.
  void add_to(MetricsText& text, const MetricsText::Labels& labels = {}) const;

 private:
  static constexpr std::size_t kinds = static_cast<std::size_t>(HandlerKind::disconnect) + 1;

  std::array<Histogram, kinds> handlers_;  // by HandlerKind
  Histogram waits_;
};

}  // namespace sluice::SLUICE_ABI
