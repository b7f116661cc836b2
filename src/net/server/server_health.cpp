// SPDX-License-Identifier: MIT
// What is not well in a server.
#include <algorithm>
#include <iterator>

#include "net/server/server_state.hpp"
#include "sluice/observe/health.hpp"

namespace sluice::SLUICE_ABI {

std::vector<Problem> AsioServer::State::problems() const {
  const ServerLimits& limits = context_.options.limits;
  const ServerStats now = stats();
  std::vector<Problem> found;
  if (now.stopping) {
    found.push_back({"server", "draining", "the server stops, and its clients go elsewhere", context_.stopping_since});
  }
  const auto look = [&found](std::string_view limit, std::uint64_t number, std::uint64_t most) {
    std::ranges::move(near_limit("server", limit, number, most), std::back_inserter(found));
  };
  look("ServerLimits::connections", now.connections, limits.connections);
  look("ServerLimits::server_unused_bytes", now.unused_bytes, limits.server_unused_bytes);
  look("ConsumerLimits::server_queued_bytes", now.queued_bytes, context_.consumer_limits.server_queued_bytes);
  return found;
}

}  // namespace sluice::SLUICE_ABI
