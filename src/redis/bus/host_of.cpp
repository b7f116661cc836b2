// SPDX-License-Identifier: MIT
#include "redis/bus/host_of.hpp"

#include "core/crc.hpp"

namespace sluice::SLUICE_ABI::redis {

std::size_t host_of(std::string_view name, std::size_t hosts) noexcept {
  if (hosts <= 1) return 0;
  const double width = 4096.0 / static_cast<double>(hosts);
  return static_cast<std::size_t>((crc32(name) & 0xfff) / width);
}

}  // namespace sluice::SLUICE_ABI::redis
