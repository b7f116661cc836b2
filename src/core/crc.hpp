// SPDX-License-Identifier: MIT
// Checksums of 32 bits.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {
namespace detail {

// What each byte adds, for a polynomial written with its lowest power first.
template <std::uint32_t polynomial>
inline constexpr auto crc_of_byte = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
    table[byte] = crc;
  }
  return table;
}();

template <std::uint32_t polynomial>
constexpr std::uint32_t crc(std::string_view bytes) noexcept {
  std::uint32_t crc = ~std::uint32_t{0};
  for (const char byte : bytes)
    crc = crc >> 8 ^ crc_of_byte<polynomial>[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  return ~crc;
}

}  // namespace detail

/// CRC-32 as zlib and Python's binascii have it. Any thread.
constexpr std::uint32_t crc32(std::string_view bytes) noexcept { return detail::crc<0xedb88320>(bytes); }
/// CRC-32C (Castagnoli), RFC 3720 appendix B.4; zlib has none. Any thread.
constexpr std::uint32_t crc32c(std::string_view bytes) noexcept { return detail::crc<0x82f63b78>(bytes); }

}  // namespace sluice::SLUICE_ABI
