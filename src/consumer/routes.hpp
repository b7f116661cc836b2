// SPDX-License-Identifier: MIT
// The parts of a router.
#pragma once

#include <memory>

#include "consumer/route_pattern.hpp"
#include "sluice/consumer/router.hpp"

namespace sluice::SLUICE_ABI {

struct Router::Route {
  std::unique_ptr<const RoutePattern> pattern;
  std::shared_ptr<Application> application;
  Defaults defaults;
};

}  // namespace sluice::SLUICE_ABI
