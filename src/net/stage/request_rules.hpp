// SPDX-License-Identifier: MIT
// Requests that two programs might take for different ones. No sockets.
#pragma once

#include <optional>
#include <string_view>

#include "sluice/http/head.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI::net {

/// Might a proxy's rule for a path be passed by another spelling of it? A slash or a backslash that is escaped, slashes
/// that follow each other, a backslash, and segments of dots, escaped or not. `raw_path` is as it came.
bool is_ambiguous_path(std::string_view raw_path) noexcept;

/// Why this request, whose Host header is final, is not served; nothing: it may be. Any thread.
std::optional<http::Refusal> rule_against(const RequestInfo& request, const AsioServerOptions& options);

}  // namespace sluice::SLUICE_ABI::net
