// SPDX-License-Identifier: MIT
// Frames as a client sends them: masked, well-formed or, with `raw_frame`, as wrong as a test wants them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/ws/frame_header.hpp"

namespace sluice::test {

inline constexpr ws::MaskingKey some_key{'\x37', '\xfa', '\x21', '\x3d'};  // RFC 6455 section 5.7

inline std::string masked(std::string_view payload, ws::MaskingKey key = some_key) {
  std::string out(payload);
  for (std::size_t at = 0; at < out.size(); ++at) out[at] = static_cast<char>(out[at] ^ key[at % 4]);
  return out;
}

inline std::string big_endian(std::uint64_t number, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
  return out;
}

/// The length field of a frame, its mask bit set, in the shortest form.
inline std::string masked_length(std::uint64_t length) {
  if (length < 126) return std::string(1, static_cast<char>(0x80 | length));
  return length < 65536 ? "\xfe" + big_endian(length, 2) : "\xff" + big_endian(length, 8);
}

/// A frame with any first byte.
inline std::string raw_frame(std::uint8_t first_byte, std::string_view payload, ws::MaskingKey key = some_key) {
  return std::string(1, static_cast<char>(first_byte)) + masked_length(payload.size()) +
         std::string(key.data(), key.size()) + masked(payload, key);
}

inline std::string client_frame(ws::Opcode opcode, std::string_view payload, bool fin = true,
                                ws::MaskingKey key = some_key) {
  return raw_frame(static_cast<std::uint8_t>((fin ? 0x80 : 0) | static_cast<std::uint8_t>(opcode)), payload, key);
}

inline std::string client_text(std::string_view payload) { return client_frame(ws::Opcode::text, payload); }
inline std::string client_close(std::uint16_t code, std::string_view text = {}) {
  return client_frame(ws::Opcode::close, big_endian(code, 2) + std::string(text));
}

}  // namespace sluice::test
