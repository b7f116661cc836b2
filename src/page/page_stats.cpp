// SPDX-License-Identifier: MIT
// The metrics of PageStats, with the texts of /metrics and of docs/observability.md.
#include <array>

#include "sluice/page/page_registry.hpp"

namespace sluice::SLUICE_ABI {

std::span<const observe::Metric<PageStats>> PageStats::metrics() noexcept {
  static constexpr std::array table{
      observe::counter<&PageStats::added>("added", "Subscriptions that were answered with page_add."),
      observe::counter<&PageStats::refused>(
          "refused", "Subscriptions to a known page that this client may not follow, or with wrong parameters."),
      observe::counter<&PageStats::failed>("failed", "Subscriptions and evictions for which can_add or a name threw."),
      observe::counter<&PageStats::unknown_type>("unknown_type",
                                                 "Subscriptions to a page type that is not registered."),
      observe::counter<&PageStats::ignored>("ignored", "Frames that were no request."),
      observe::counter<&PageStats::evicted>("evicted", "Pages that were revoked."),
      observe::counter<&PageStats::rechecked>("rechecked", "Pages for which can_add was called again."),
      observe::gauge<&PageStats::waiting_rechecks>("waiting_rechecks",
                                                   "Clients that wait now for a recheck of can_add."),
  };
  return table;
}

}  // namespace sluice::SLUICE_ABI
