// SPDX-License-Identifier: MIT
// Checks the headers of an application's response before they are written.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/result.hpp"

namespace sluice::SLUICE_ABI::http {

using HeaderFields = std::vector<std::pair<std::string, std::string>>;

/// Names are tokens, values hold no control bytes, and no name is among `reserved` (lower case). The Error names the
/// header without its value.
Result<> check_headers(const HeaderFields& headers, std::initializer_list<std::string_view> reserved);

SLUICE_API void append_header(std::string& out, std::string_view name, std::string_view value);

}  // namespace sluice::SLUICE_ABI::http
