// SPDX-License-Identifier: MIT
// A sentence for whoever wonders about a 404.
#pragma once

#include <string>

#include "sluice/consumer/application.hpp"

namespace sluice::SLUICE_ABI {

/// Says which path was asked for, whether it only lacks its last slash, and which routes there are.
std::string explain_no_route(const Application& application, const Scope& scope);

}  // namespace sluice::SLUICE_ABI
