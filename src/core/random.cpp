// SPDX-License-Identifier: MIT
#include "core/random.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace sluice::SLUICE_ABI {
namespace {

constexpr std::size_t most_at_once = 256;  // of getentropy(3)

}  // namespace

void fill_with_random(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), most_at_once));
    if (::getentropy(part.data(), part.size()) != 0) {
      throw std::system_error(errno, std::generic_category(), "the system gives no random bytes");
    }
    bytes = bytes.subspan(part.size());
  }
}

std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  fill_with_random(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

std::string random_hex(std::size_t digits) {
  constexpr char digit[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(digits);
  for (const char byte : random_bytes(digits / 2)) {
    hex += digit[static_cast<unsigned char>(byte) >> 4];
    hex += digit[static_cast<unsigned char>(byte) & 0x0f];
  }
  return hex;
}

}  // namespace sluice::SLUICE_ABI
