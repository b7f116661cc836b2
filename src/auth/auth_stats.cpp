// SPDX-License-Identifier: MIT
// The metrics of AuthStats, with the texts of /metrics and of docs/observability.md.
#include <array>

#include "sluice/auth/token_auth.hpp"

namespace sluice::SLUICE_ABI {

std::span<const observe::Metric<AuthStats>> AuthStats::metrics() noexcept {
  static constexpr std::array table{
      observe::counter<&AuthStats::accepted>("accepted", "Requests with a good token of a user."),
      observe::counter<&AuthStats::anonymous>("anonymous",
                                              "Requests with the token of anonymous users, where it is allowed."),
      observe::counter<&AuthStats::missing>("missing", "Requests without a token."),
      observe::counter<&AuthStats::bad_token>("bad_token", "Requests with a token that does not verify."),
      observe::counter<&AuthStats::no_user>("no_user", "Requests with a good token without a user."),
  };
  return table;
}

}  // namespace sluice::SLUICE_ABI
