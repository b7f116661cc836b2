// SPDX-License-Identifier: MIT
// What compression needs on one executor, for all of a server's connections there.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "ws/deflate_negotiation.hpp"
#include "ws/frame_deflater.hpp"
#include "ws/message_inflater.hpp"

namespace sluice::ws {

/// Makes the two halves of a connection's compression, and holds what they share: a compressor for each window that was
/// agreed on without takeover (mostly one), the inflaters, the numbers. It outlives their last call. Its executor only.
class SharedDeflate {
 public:
  explicit SharedDeflate(const DeflateOptions& options) : bench_(options) {}

  /// Shared among connections, except where the server's window goes on from message to message.
  std::shared_ptr<FrameDeflater> outgoing(const DeflateParameters& agreed);
  std::unique_ptr<MessageInflater> incoming(const DeflateParameters& agreed);

  const DeflateTotals& sent() const noexcept { return bench_.totals; }
  const DeflateTotals& received() const noexcept { return received_; }
  /// The turn is over: lets go of frames that keep much memory alive.
  void settle() noexcept;
  /// Memory in use now, in bytes, without that of connections that keep a window.
  std::size_t allocated_bytes() const noexcept;

 private:
  DeflateBench bench_;
  DeflateTotals received_;
  InflaterPool inflaters_;
  std::array<std::shared_ptr<FrameDeflater>, 16> by_window_bits_;
};

}  // namespace sluice::ws
