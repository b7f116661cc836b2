// SPDX-License-Identifier: MIT
// The log line for a 404.
#pragma once

#include <string>

#include "sluice/consumer/application.hpp"

namespace sluice::SLUICE_ABI {

/// Names the path, whether it only lacks its last slash, and the routes.
std::string explain_no_route(const Application& application, const Scope& scope);

}  // namespace sluice::SLUICE_ABI
