// SPDX-License-Identifier: MIT
// The first bytes of a frame that a client sends (RFC 6455 section 5.2), read as they arrive.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::ws {

/// RFC 6455 section 5.2; every other value is reserved.
enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

constexpr bool is_control(Opcode opcode) noexcept { return (static_cast<std::uint8_t>(opcode) & 8) != 0; }

/// The longest payload of a control frame (RFC 6455 section 5.5).
inline constexpr std::size_t max_control_bytes = 125;

/// The four bytes that a client's payload was XORed with, in wire order (RFC 6455 section 5.3).
using MaskingKey = std::array<char, 4>;

/// Parses one header at a time, and fails at the first byte that proves it wrong: a reserved bit or opcode, a
/// fragmented or long control frame, an unmasked frame, a length that is not in its shortest form or has its top bit
/// set. RSV1 is a reserved bit until allow_compression(), and then still on anything but the first frame of a message
/// (RFC 7692 section 6.1). Sixteen bytes, nothing allocated. One thread at a time.
class SLUICE_API FrameHeaderReader {
 public:
  enum class Step : std::uint8_t { need_more, complete, failed };

  /// Takes the header's bytes off the front of `input`, and none of the payload's. After `complete` the header may be
  /// asked about until clear(); after `failed` only fault() may.
  Step next(std::span<char>& input) noexcept;
  /// Makes ready for the next header.
  void clear() noexcept { have_ = 0; }
  bool empty() const noexcept { return have_ == 0; }
  void allow_compression(bool allowed) noexcept { compression_ = allowed; }

  /// The known part of an incomplete header, so that a caller can fail early.
  bool has_opcode() const noexcept { return have_ >= 1; }
  bool has_length() const noexcept { return have_ >= 2 && have_ >= length_end(); }

  bool fin() const noexcept { return (bytes_[0] & 0x80) != 0; }
  bool compressed() const noexcept { return (bytes_[0] & 0x40) != 0; }
  Opcode opcode() const noexcept { return static_cast<Opcode>(bytes_[0] & 0x0f); }
  std::uint64_t payload_bytes() const noexcept;
  MaskingKey masking_key() const noexcept;
  /// The fault, as a text for the close frame.
  std::string_view fault() const noexcept;

 private:
  std::size_t length_end() const noexcept;

  std::array<std::uint8_t, 14> bytes_{};
  std::uint8_t have_ = 0;
  bool compression_ = false;
};

}  // namespace sluice::SLUICE_ABI::ws
