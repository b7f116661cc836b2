// SPDX-License-Identifier: MIT
#include "redis/shard_of.hpp"

#include <array>

namespace sluice::redis {
namespace {

constexpr std::uint32_t reflected_polynomial = 0xedb88320;

constexpr auto crc_of_byte = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? reflected_polynomial : 0);
    table[byte] = crc;
  }
  return table;
}();

}  // namespace

std::uint32_t crc32(std::string_view bytes) noexcept {
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes) crc = crc >> 8 ^ crc_of_byte[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  return ~crc;
}

std::size_t shard_of(std::string_view name, std::size_t hosts) noexcept {
  if (hosts <= 1) return 0;
  const double width = 4096.0 / static_cast<double>(hosts);
  return static_cast<std::size_t>((crc32(name) & 0xfff) / width);
}

}  // namespace sluice::redis
