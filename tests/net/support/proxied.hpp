// SPDX-License-Identifier: MIT
// Headers of proxies in front of a server, and the options to trust them.
#pragma once

#include <string>

#include "net/support/served.hpp"

namespace sluice::test {

using namespace std::string_literals;

// The test's clients come from 127.0.0.1.
inline AsioServerOptions behind(TrustedProxies trusted) {
  AsioServerOptions options;
  options.proxies.trusted = std::move(trusted);
  return options;
}

inline AsioServerOptions behind_proxy_protocol(TrustedProxies trusted) {
  AsioServerOptions options = behind(std::move(trusted));
  options.proxies.proxy_protocol = true;
  return options;
}

// Who the gateway thinks is there.
inline std::string known(Served& served, const std::string& path) {
  std::string line;
  served.gateway.with(path, [&](Door& door) {
    line = std::string(door.scope.scheme()) + " from " + std::string(door.scope.client_address()) + " at " +
           std::string(door.scope.header("host").value_or("nowhere"));
  });
  const std::string own = " from 127.0.0.1:";
  if (const auto at = line.find(own); at != line.npos)
    line.erase(at + own.size(), line.find(' ', at + own.size()) - at - own.size());
  return line;
}

inline const std::string line_header = "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r\n";

inline std::string binary_header(std::string_view payload, char command = '\x21', char family = '\x11') {
  return "\r\n\r\n\0\r\nQUIT\n"s + command + family + '\0' + static_cast<char>(payload.size()) + std::string(payload);
}

inline const std::string ends =
    "\xc0\x00\x02\x07\xc6\x33\x64\x01\xc8\x22\x01\xbb"s;  // 192.0.2.7:51234, 198.51.100.1:443

}  // namespace sluice::test
