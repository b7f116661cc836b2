// SPDX-License-Identifier: MIT
#include "redis/codec/random.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <stdexcept>

namespace sluice::redis {

std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) != 1) {
    throw std::runtime_error("Redis layer: the system gives no random bytes");
  }
  return bytes;
}

std::string random_hex(std::size_t digits) {
  std::string hex;
  for (const char byte : random_bytes(digits / 2)) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

}  // namespace sluice::redis
