// SPDX-License-Identifier: MIT
#include "load/wire.hpp"

#include <cstring>

namespace wire {

namespace {

constexpr int rsv1 = 0x40;
constexpr char some_key[4] = {'\x37', '\xfa', '\x21', '\x3d'};

void unmask(std::span<char> payload, const char* key) {
  std::uint32_t word = 0;
  std::memcpy(&word, key, 4);
  const std::uint64_t twice = std::uint64_t{word} << 32 | word;
  std::size_t at = 0;
  for (; at + 8 <= payload.size(); at += 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, payload.data() + at, 8);
    eight ^= twice;
    std::memcpy(payload.data() + at, &eight, 8);
  }
  for (; at < payload.size(); ++at) payload[at] = static_cast<char>(payload[at] ^ key[at % 4]);
}

std::uint64_t big_endian(const char* bytes, int count) {
  std::uint64_t number = 0;
  for (int i = 0; i < count; ++i) number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
  return number;
}

}  // namespace

std::optional<Frame> first_frame(std::span<char> bytes) {
  if (bytes.size() < 2) return std::nullopt;
  const bool masked = (bytes[1] & 0x80) != 0;
  std::uint64_t length = static_cast<std::uint8_t>(bytes[1]) & 0x7f;
  const std::size_t length_bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
  const std::size_t header = 2 + length_bytes + (masked ? 4 : 0);
  if (bytes.size() < header) return std::nullopt;
  if (length_bytes > 0) length = big_endian(bytes.data() + 2, static_cast<int>(length_bytes));
  if (bytes.size() - header < length) return std::nullopt;
  const std::span<char> payload = bytes.subspan(header, length);
  if (masked) unmask(payload, bytes.data() + header - 4);
  return Frame{static_cast<Opcode>(bytes[0] & 0x0f), payload, header + length, (bytes[0] & rsv1) != 0};
}

std::size_t write_header(char* out, Opcode opcode, std::size_t payload_bytes) {
  out[0] = static_cast<char>(0x80 | static_cast<int>(opcode));
  if (payload_bytes < 126) {
    out[1] = static_cast<char>(payload_bytes);
    return 2;
  }
  const int length_bytes = payload_bytes < 65536 ? 2 : 8;
  out[1] = static_cast<char>(length_bytes == 2 ? 126 : 127);
  for (int i = 0; i < length_bytes; ++i) out[2 + i] = static_cast<char>(payload_bytes >> (8 * (length_bytes - 1 - i)));
  return 2 + static_cast<std::size_t>(length_bytes);
}

std::string server_frame(Opcode opcode, std::string_view payload) {
  char header[10];
  std::string frame(header, write_header(header, opcode, payload.size()));
  frame += payload;
  return frame;
}

std::string client_frame(Opcode opcode, std::string_view payload, bool compressed) {
  char header[10];
  const std::size_t length = write_header(header, opcode, payload.size());
  if (compressed) header[0] = static_cast<char>(header[0] | rsv1);
  header[1] = static_cast<char>(header[1] | 0x80);
  std::string frame(header, length);
  frame.append(some_key, sizeof some_key);
  frame += payload;
  unmask(std::span(frame).last(payload.size()), some_key);
  return frame;
}

}  // namespace wire
