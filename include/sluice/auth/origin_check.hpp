// SPDX-License-Identifier: MIT
// Decides which web pages may connect. A browser sends the page's origin in the Origin header; other programs need not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/consumer/middleware.hpp"
#include "sluice/core/log_throttle.hpp"

namespace sluice::SLUICE_ABI {

/// What happens to a connection without an Origin. Browsers always send one, other programs need not.
enum class WithoutOrigin : std::uint8_t { refuse, allow };

/// Refuses connections from foreign web pages with 403 (Channels: OriginValidator; behaviour MW-13 to MW-15). The
/// allowed origins:
///
///     example.com                  this host, over any scheme and port
///     .example.com                 and its subdomains
///     https://example.com[:8443]   this scheme, host and port; 80 or 443 where none is named, and here too a leading
///                                  dot takes in subdomains: https://.example.com
///     *                            every connection, also without an Origin
///
/// Hosts are compared in lower case, IPv6 addresses are written in brackets. Where the header occurs twice the last one
/// counts; with one that is not `scheme://host[:port]`, and without one unless the second argument allows that, the
/// connection is refused. An empty list refuses every web page. Any thread.
class SLUICE_API OriginCheck final : public Middleware {
 public:
  /// Throws std::invalid_argument for a malformed entry; the message shows the correct form.
  explicit OriginCheck(const std::vector<std::string>& allowed_origins,
                       WithoutOrigin without_origin = WithoutOrigin::refuse);

  Task<Verdict> handle(Scope& scope) override;
  bool allows(std::optional<std::string_view> origin) const;

  /// This machine's names, for a debug build whose list is empty (behaviour MW-16): localhost, 127.0.0.1, [::1].
  static std::vector<std::string> local_hosts();

 private:
  struct Pattern {
    std::string scheme;  // empty: any, and any port
    std::string host;    // with its leading dot, if it has one
    std::optional<std::uint16_t> port;
  };
  static Pattern parse(std::string_view entry);

  bool everybody_ = false;
  WithoutOrigin without_origin_;
  std::vector<Pattern> patterns_;
  LogThrottle refusals_;
};

}  // namespace sluice::SLUICE_ABI
