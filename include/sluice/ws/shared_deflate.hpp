// SPDX-License-Identifier: MIT
// What compression needs on one executor, for all of a server's connections there.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "sluice/abi.hpp"
#include "sluice/ws/deflate_negotiation.hpp"
#include "sluice/ws/frame_deflater.hpp"
#include "sluice/ws/message_inflater.hpp"

namespace sluice::SLUICE_ABI::ws {

/// Makes the two halves of a connection's compression, and owns what they share: a compressor for each window size
/// agreed on without context takeover (mostly one), the pool of inflaters, the counters. It outlives their last call.
///
///     SharedDeflate& shared = ...;                                // one for each executor
///     const auto agreed = agree_on_deflate(upgrade.extensions, options);
///     protocol.inflate_with(shared.incoming(agreed->parameters)); // what the client sends
///     auto deflater = shared.outgoing(agreed->parameters);        // send deflater->deflate(frame)
///
/// Its executor only.
class SLUICE_API SharedDeflate {
 public:
  explicit SharedDeflate(const DeflateOptions& options) : bench_(options) {}

  /// Shared among connections, unless the server's window is kept from one message to the next.
  std::shared_ptr<FrameDeflater> outgoing(const DeflateParameters& agreed);
  std::unique_ptr<MessageInflater> incoming(const DeflateParameters& agreed);

  const DeflateTotals& sent() const noexcept { return bench_.totals; }
  const DeflateTotals& received() const noexcept { return received_; }
  /// At the end of a turn: releases frames that keep much memory alive.
  void settle() noexcept;
  /// Memory in use now, in bytes, without that of connections that keep a window.
  std::size_t allocated_bytes() const noexcept;

 private:
  DeflateBench bench_;
  DeflateTotals received_;
  InflaterPool inflaters_;
  std::array<std::shared_ptr<FrameDeflater>, 16> by_window_bits_;
};

}  // namespace sluice::SLUICE_ABI::ws
