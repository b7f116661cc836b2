// SPDX-License-Identifier: MIT
// The few bytes of WebSocket that the measuring tools speak: no UTF-8 check, no fragments
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace wire {

enum class Opcode : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// A frame at the front of what was read; `payload` points into it, unmasked in place.
struct Frame {
  Opcode opcode;
  std::span<char> payload;
  std::size_t size;         // with its header
  bool compressed = false;  // RSV1: RFC 7692 section 6
};

/// The first frame of `bytes`, or nothing if it is not all there yet.
std::optional<Frame> first_frame(std::span<char> bytes);

/// A server's header for a payload of this size (RFC 6455 section 5.2), written to `out`; its length: 2, 4 or 10 bytes.
std::size_t write_header(char* out, Opcode opcode, std::size_t payload_bytes);
std::string server_frame(Opcode opcode, std::string_view payload);
/// The same as a client sends it, masked.
std::string client_frame(Opcode opcode, std::string_view payload, bool compressed = false);

}  // namespace wire
