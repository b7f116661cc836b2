// SPDX-License-Identifier: MIT
// The checks of AsioServer::adopt before it takes over a descriptor.
#pragma once

#include <cstddef>
#include <string>

#include "net/proxy/addresses.hpp"
#include "sluice/core/result.hpp"
#include "sluice/net/adopt_options.hpp"
#include "sluice/transport/limits.hpp"

namespace sluice::SLUICE_ABI::net {

/// The most bytes of a connection that may have been read before it is adopted. Any thread.
std::size_t most_adopted_bytes(const ServerLimits& limits) noexcept;

/// The address for which the connection counts. Fails with invalid_argument when the descriptor is no connected stream
/// socket, or the options do not fit it. Changes nothing. Any thread.
Result<IpEndpoint> peer_of_adopted(int descriptor, std::size_t read, const AdoptOptions& options,
                                   const ServerLimits& limits);

/// From now on the descriptor does not block, and is closed in programs that this one starts. On an Error its flags are
/// as they were. Any thread.
Result<> make_ready(int descriptor);

/// The head of the request as HTTP/1 writes it. Fails with invalid_argument when a part of it is invalid in a head,
/// such as a line break in a value. Any thread.
Result<std::string> head_of(const AdoptedRequest& request);

}  // namespace sluice::SLUICE_ABI::net
