// SPDX-License-Identifier: MIT
// Makes tokens, for sign-in pages and tests. A service that only verifies has no use for it.
#pragma once

#include <string>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// A token with these claims, a JSON map, signed with HS256. It adds no claims: put an `exp` into the claims yourself.
/// Throws std::invalid_argument when the claims are no JSON map or the secret is empty. Any thread.
SLUICE_API std::string sign_hs256(std::string_view claims_json, std::string_view secret, std::string_view kid = {});

}  // namespace sluice::SLUICE_ABI
