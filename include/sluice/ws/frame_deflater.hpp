// SPDX-License-Identifier: MIT
// Outgoing messages, compressed: for one connection, or once for all that agreed on the same.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/transport/frame.hpp"
#include "sluice/ws/deflate.hpp"
#include "sluice/ws/deflate_options.hpp"

namespace sluice::SLUICE_ABI::ws {

/// What the compressors of one executor share. Its executor only.
struct DeflateBench {
  explicit DeflateBench(const DeflateOptions& chosen) : options(chosen) {}

  const DeflateOptions options;
  FrameBuffer frames;  // compressed messages only: those of a burst lie side by side
  DeflateTotals totals;
  std::string wire;     // what is being written; empty between calls
  std::string message;  // what is being compressed; empty between calls
};

/// Compresses the messages of frames: RSV1 is set, and each payload is compressed unless it is shorter than
/// DeflateOptions::smallest or would not become shorter.
///
/// With DeflateContext::per_message it serves any number of connections. It remembers its last few frames, so that each
/// is compressed once, however many connections receive it, and they all share the same bytes. With per_connection it
/// serves one connection, which must be sent all that it returns, in that order. Memory for compressing is allocated at
/// the first message that needs it. The bench outlives its last call. Its executor only.
class SLUICE_API FrameDeflater {
 public:
  FrameDeflater(int window_bits, DeflateContext context, DeflateBench& bench) noexcept
      : bench_(bench), window_bits_(window_bits), context_(context) {}

  /// `frame` itself if compressing would not help.
  Frame deflate(const Frame& frame);
  /// Releases remembered frames that keep much memory alive. At the end of a turn.
  void settle() noexcept;
  std::size_t allocated_bytes() const noexcept { return deflater_ ? deflater_->allocated_bytes() : 0; }

 private:
  struct Twins {
    Frame plain;  // held, so that nothing else is written in its place
    Frame compressed;
  };

  Frame twin_of(const Frame& frame);
  const Twins* recent_at_front_of(std::string_view wire) const noexcept;
  void remember(const Frame& plain, const Frame& compressed);
  bool write(std::string_view wire, std::string_view payload);
  bool compress(std::string_view payload);

  DeflateBench& bench_;
  std::optional<Deflater> deflater_;
  std::vector<Twins> recent_;  // of per_message only
  std::size_t oldest_ = 0;
  int window_bits_;
  DeflateContext context_;
};

}  // namespace sluice::SLUICE_ABI::ws
