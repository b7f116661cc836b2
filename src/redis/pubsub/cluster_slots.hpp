// SPDX-License-Identifier: MIT
// The master of a Redis Cluster for each channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "redis/wire/resp.hpp"
#include "sluice/core/result.hpp"
#include "sluice/transport/byte_stream.hpp"

namespace sluice::SLUICE_ABI::redis {

inline constexpr std::size_t cluster_slots = 16'384;

/// The slot of a name without braces (Redis Cluster specification: CRC-16/XMODEM). Any thread.
std::size_t slot_of(std::string_view name) noexcept;

/// A cluster's masters, and the slots that each serves. A value.
class ClusterMap {
 public:
  /// From the answer of CLUSTER SLOTS. An address without a host is that of `asked`, whose TLS settings apply to all.
  /// An Error: it is no such answer, or a slot has no master.
  static Result<ClusterMap> read(const Reply& reply, const Endpoint& asked);

  const std::vector<Endpoint>& masters() const noexcept { return masters_; }
  std::size_t master_of(std::string_view name) const noexcept { return owners_[slot_of(name)]; }
  /// Applies a MOVED error. False: it is no such error, or names an unknown master.
  bool move(const Reply& moved);
  /// A channel that begins with `name` and is served by this master.
  std::string channel_at(std::size_t master, std::string_view name) const;

 private:
  std::string host_;  // of the member that was asked: an address without a host means this one
  std::vector<Endpoint> masters_;
  std::vector<std::uint16_t> owners_;  // by slot
};

}  // namespace sluice::SLUICE_ABI::redis
