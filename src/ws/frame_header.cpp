// SPDX-License-Identifier: MIT
#include "sluice/ws/frame_header.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::SLUICE_ABI::ws {
namespace {

constexpr std::uint8_t fin_bit = 0x80;
constexpr std::uint8_t reserved_bits = 0x70;
constexpr std::uint8_t compressed_bit = 0x40;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t length_bits = 0x7f;
constexpr std::uint8_t two_byte_length = 126;
constexpr std::uint8_t eight_byte_length = 127;

constexpr const char* not_shortest = "a frame's length is not in its shortest form";

constexpr bool is_known(std::uint8_t opcode) noexcept { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

}  // namespace

FrameHeaderReader::Step FrameHeaderReader::next(std::span<char>& input) noexcept {
  if (have_ == 0 && input.size() >= bytes_.size()) {  // mostly so: one copy of a fixed size, and one look
    std::memcpy(bytes_.data(), input.data(), bytes_.size());
    have_ = static_cast<std::uint8_t>(length_end() + sizeof(MaskingKey));
    input = input.subspan(have_);
    return fault().empty() ? Step::complete : Step::failed;
  }
  // In two steps: the second byte has the length of the rest.
  for (;;) {
    const std::size_t wanted = have_ < 2 ? 2 : length_end() + sizeof(MaskingKey);
    const std::size_t taken = std::min(wanted - have_, input.size());
    std::copy_n(input.begin(), taken, bytes_.begin() + have_);
    have_ = static_cast<std::uint8_t>(have_ + taken);
    input = input.subspan(taken);
    if (!fault().empty()) return Step::failed;
    if (have_ < wanted) return Step::need_more;
    if (have_ > 2) return Step::complete;
  }
}

std::size_t FrameHeaderReader::length_end() const noexcept {
  const int code = bytes_[1] & length_bits;
  return code < two_byte_length ? 2 : code == two_byte_length ? 4 : 10;
}

std::uint64_t FrameHeaderReader::payload_bytes() const noexcept {
  const std::size_t end = length_end();
  if (end == 2) return bytes_[1] & length_bits;
  std::uint64_t length = 0;
  for (std::size_t at = 2; at < end; ++at) length = length << 8 | bytes_[at];
  return length;
}

MaskingKey FrameHeaderReader::masking_key() const noexcept {
  MaskingKey key;
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(length_end()), key.size(), key.begin());
  return key;
}

std::string_view FrameHeaderReader::fault() const noexcept {
  if (have_ < 1) return {};
  if (bytes_[0] & reserved_bits && !(compression_ && (bytes_[0] & reserved_bits) == compressed_bit)) {
    return "reserved bits are set";
  }
  if (!is_known(bytes_[0] & 0x0f)) return "unknown opcode";
  if (compressed() && is_control(opcode())) return "a control frame is compressed";
  if (compressed() && opcode() == Opcode::continuation) return "a continuation frame has the bit of compression";
  if (is_control(opcode()) && !(bytes_[0] & fin_bit)) return "a control frame is fragmented";
  if (have_ < 2) return {};
  if (!(bytes_[1] & mask_bit)) return "a client's frame is not masked";
  const int code = bytes_[1] & length_bits;
  if (is_control(opcode()) && code > int(max_control_bytes)) return "a control frame is too long";
  if (code == two_byte_length) return have_ >= 4 && payload_bytes() < two_byte_length ? not_shortest : "";
  if (code == eight_byte_length && have_ > 2) {
    if (bytes_[2] & 0x80) return "a frame's length has its top bit set";
    if (have_ >= 8 && std::all_of(&bytes_[2], &bytes_[8], [](auto byte) { return byte == 0; })) return not_shortest;
  }
  return {};
}

}  // namespace sluice::SLUICE_ABI::ws
