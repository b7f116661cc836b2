// SPDX-License-Identifier: MIT
// Encryption with symmetric_encryption_keys: Fernet tokens, as in the Python package `cryptography`.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/result.hpp"

namespace sluice::SLUICE_ABI::redis {

/// Encrypts with the first key and decrypts with any, so that keys can be changed while processes run (redis-wire
/// Immutable: share freely.
class Fernet {
 public:
  /// From key texts of any length; at least one. Throws std::invalid_argument for none.
  explicit Fernet(const std::vector<std::string>& keys);

  /// The token: text in the URL alphabet of Base64.
  std::string encrypt(std::string_view plain, std::int64_t unix_seconds) const;
  /// The plain bytes. An Error for a token that no key signed, one older than `oldest` (0: any age), and one more than
  /// a minute in the future.
  Result<std::string> decrypt(std::string_view token, std::int64_t unix_seconds, std::chrono::seconds oldest) const;

 private:
  struct Key {
    std::string signing;     // 16 bytes
    std::string encryption;  // 16 bytes
  };
  std::vector<Key> keys_;
};

}  // namespace sluice::SLUICE_ABI::redis
