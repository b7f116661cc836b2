// SPDX-License-Identifier: MIT
#include "redis/base64.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace sluice::redis {
namespace {

auto* unsigned_bytes(char* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
const auto* unsigned_bytes(const char* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }

}  // namespace

std::string base64_encode(std::string_view bytes, Alphabet alphabet) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL ends it with a zero
  EVP_EncodeBlock(unsigned_bytes(text.data()), unsigned_bytes(bytes.data()), static_cast<int>(bytes.size()));
  text.pop_back();
  if (alphabet == Alphabet::url) {
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
  }
  return text;
}

std::optional<std::string> base64_decode(std::string_view text, Alphabet alphabet) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string standard(text);
  if (alphabet == Alphabet::url) {
    std::ranges::replace(standard, '-', '+');
    std::ranges::replace(standard, '_', '/');
  }
  const auto padding = static_cast<std::size_t>(
      std::ranges::count(text.substr(text.size() - std::min<std::size_t>(2, text.size())), '='));
  std::string bytes(text.size() / 4 * 3, '\0');
  const int length =
      EVP_DecodeBlock(unsigned_bytes(bytes.data()), unsigned_bytes(standard.data()), static_cast<int>(standard.size()));
  if (length < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(length) - padding);
  // OpenSSL is lenient: white space, bits left over. There is one spelling, and that is what encoding gives.
  if (base64_encode(bytes, alphabet) != text) return std::nullopt;
  return bytes;
}

}  // namespace sluice::redis
