// SPDX-License-Identifier: MIT
// The parts of a request target (RFC 9112 section 3.2).
#pragma once

#include <string>
#include <string_view>

#include "sluice/abi.hpp"
#include "sluice/core/result.hpp"

namespace sluice::SLUICE_ABI::http {

/// The parts of "/a%20b?c", of "http://host/a%20b?c", or "*". A value.
struct Target {
  std::string path;  // "/a b": percent-decoded, valid UTF-8
  std::string raw_path;
  std::string query;      // without its '?', as it came
  std::string authority;  // of the form with a scheme; it replaces the Host header
};

/// Fails with parse_failed: a form that the method does not have, bytes that are not UTF-8, blanks, a fragment, and in
/// the path a bad escape or a NUL. Escapes in the query are left to the reader of the query.
Result<Target> parse_target(std::string_view method, std::string_view target);

/// True for a host with or without a port, as in a Host header. An empty one is valid (RFC 9110 section 7.2).
SLUICE_API bool is_host(std::string_view text) noexcept;

}  // namespace sluice::SLUICE_ABI::http
