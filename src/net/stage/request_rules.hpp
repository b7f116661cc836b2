// SPDX-License-Identifier: MIT
// Requests that two programs might take for different ones. No sockets.
#pragma once

#include <optional>
#include <string_view>

#include "sluice/http/head.hpp"
#include "sluice/net/asio_server.hpp"
#include "sluice/transport/scope.hpp"

namespace sluice::SLUICE_ABI::net {

/// True if another spelling of the path could evade a proxy's rule: an escaped slash or backslash, repeated slashes, a
/// backslash, and dot segments, escaped or not. `raw_path` is as it was sent.
bool is_ambiguous_path(std::string_view raw_path) noexcept;

/// The reason to refuse this request, whose Host header is final; nullopt: it is served. Any thread.
std::optional<http::Refusal> rule_against(const RequestInfo& request, const AsioServerOptions& options);

}  // namespace sluice::SLUICE_ABI::net
