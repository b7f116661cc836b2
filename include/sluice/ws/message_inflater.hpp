// SPDX-License-Identifier: MIT
// Decompresses the messages of one client as they arrive (RFC 7692 section 7.2.2).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/ws/deflate.hpp"

namespace sluice::SLUICE_ABI::ws {

/// A pool of inflaters for connections that keep none between messages: each is borrowed for one message, mostly within
/// one call. One thread at a time.
class SLUICE_API InflaterPool {
 public:
  InflaterPool() { free_.reserve(most); }

  std::unique_ptr<Inflater> borrow();
  void give_back(std::unique_ptr<Inflater> inflater) noexcept;
  std::size_t allocated_bytes() const noexcept;

 private:
  static constexpr std::size_t most = 4;
  std::vector<std::unique_ptr<Inflater>> free_;
};

/// Decompresses the messages of one connection. Between messages it holds memory only if the client may refer to its
/// earlier ones. The pool and the totals outlive its last call. One thread at a time.
class SLUICE_API MessageInflater {
 public:
  /// `window_bits`: the client's window, if it is kept from one message to the next; 0 if it is not.
  MessageInflater(int window_bits, InflaterPool& pool, DeflateTotals& totals) noexcept
      : pool_(pool), totals_(totals), window_bits_(window_bits) {}

  /// A compressed message begins.
  void begin();
  bool in_message() const noexcept { return in_message_; }
  /// How many compressed bytes the message may still have, if decompressed it may be `limit` bytes. A message that
  /// can't be compressed grows by an eighth at most, and by a few bytes for each flush of its sender; one that is
  /// longer consists of blocks that decompress to nothing.
  std::uint64_t wire_room(std::size_t limit) const noexcept {
    const std::uint64_t most = std::uint64_t{limit} + limit / 4 + 64 * 1024;
    return most - std::min(wire_bytes_, most);
  }
  /// As Inflater::inflate. After the last piece, and after a fault, the message is over.
  Inflater::Outcome inflate(std::string_view piece, bool last, std::string& out, std::size_t limit);
  std::size_t allocated_bytes() const noexcept { return inflater_ ? inflater_->allocated_bytes() : 0; }

 private:
  InflaterPool& pool_;
  DeflateTotals& totals_;
  std::unique_ptr<Inflater> inflater_;
  std::uint64_t wire_bytes_ = 0;  // of the current message
  int window_bits_;
  bool in_message_ = false;
};

}  // namespace sluice::SLUICE_ABI::ws
