// SPDX-License-Identifier: MIT
// Which web pages may use an example, and under which names.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "sluice/auth/origin_check.hpp"
#include "sluice/net/allowed_hosts.hpp"
#include "support/serving.hpp"

/// Those of this machine, of the host that is listened at, and of --origins; and programs that are no browsers. Any
/// other page could use the sockets in the name of whoever visits it.
inline std::shared_ptr<sluice::OriginCheck> origin_check(const Serving& serving) {
  std::vector<std::string> allowed = sluice::OriginCheck::local_hosts();
  if (serving.host.find(':') == std::string::npos) allowed.push_back(serving.host);
  for (std::size_t begin = 0; begin < serving.origins.size();) {
    const std::size_t end = std::min(serving.origins.find(',', begin), serving.origins.size());
    allowed.push_back(serving.origins.substr(begin, end - begin));
    begin = end + 1;
  }
  return std::make_shared<sluice::OriginCheck>(allowed, sluice::WithoutOrigin::allow);
}

/// The names that requests may ask for. A server on a loopback address has loopback names only: a page that points its
/// own name at 127.0.0.1 could otherwise sign in and read what is served. Behind a proxy, or elsewhere, any name.
inline sluice::AllowedHosts allowed_hosts(const Serving& serving) {
  const bool loopback = serving.host == "127.0.0.1" || serving.host == "localhost" || serving.host == "::1";
  if (!loopback || serving.any_host) return {};
  return sluice::AllowedHosts::loopback();
}
