// SPDX-License-Identifier: MIT
#include "sluice/auth/web_socket_id.hpp"

#include <openssl/err.h>
#include <openssl/rand.h>

#include <array>
#include <stdexcept>

namespace sluice {

std::string new_web_socket_id() {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    ERR_clear_error();
    throw std::runtime_error("new_web_socket_id: no random bytes to be had");
  }
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);  // the version: 4
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);  // the variant: binary 10

  constexpr char digits[] = "0123456789abcdef";
  std::string id;
  id.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) id += '-';
    id += digits[bytes[i] >> 4];
    id += digits[bytes[i] & 0x0f];
  }
  return id;
}

}  // namespace sluice
