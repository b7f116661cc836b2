// SPDX-License-Identifier: MIT
// The hosts that a server answers for: Django's ALLOWED_HOSTS.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// The names that a request may ask for in its Host header, at any port. None: all of them. A page whose own name
/// points to this server's address (DNS rebinding) sends that name, and is refused.
///
///     AllowedHosts{"example.org", ".example.net", "127.0.0.1", "[::1]"}  // .example.net: this host and its subdomains
///
/// Names are compared without case, and without a dot at their end. Immutable once serving: share freely.
class SLUICE_API AllowedHosts {
 public:
  AllowedHosts() = default;
  AllowedHosts(std::initializer_list<std::string_view> hosts);

  /// localhost, 127.0.0.1 and [::1]: for servers that only this machine uses.
  static AllowedHosts loopback() { return {"localhost", "127.0.0.1", "[::1]"}; }

  /// Throws std::invalid_argument for text that is no host, or has a scheme, a port or a path.
  void add(std::string_view host);

  bool empty() const noexcept { return hosts_.empty(); }
  /// Whether a request may have this Host header. With an empty list every one may.
  bool include(std::string_view host_header) const;

 private:
  std::vector<std::string> hosts_;  // in lower case
};

}  // namespace sluice::SLUICE_ABI
