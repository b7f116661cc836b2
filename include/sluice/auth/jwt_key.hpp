// SPDX-License-Identifier: MIT
// A key that verifies signatures of tokens. It is bound to its kind, so that it is never used as another one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI {

/// The signature algorithms (RFC 7518 section 3.1). `none` is not one.
enum class JwtAlgorithm : std::uint8_t { hs256, hs384, hs512, rs256, rs384, rs512, es256, es384, es512 };

/// The name in a token: "HS256".
SLUICE_API std::string_view to_string(JwtAlgorithm algorithm) noexcept;
/// The algorithm of exactly this name.
SLUICE_API std::optional<JwtAlgorithm> jwt_algorithm(std::string_view name) noexcept;

/// A secret or a public key, bound to the family of algorithms it was made for: a public RSA key never serves as an
/// HMAC secret, whatever a token says (RFC 8725 section 2.1). Immutable: share freely.
class SLUICE_API JwtKey {
 public:
  /// A shared secret for HS256, HS384 and HS512. Throws std::invalid_argument when it is empty, or a PEM file.
  static JwtKey hmac(std::string_view secret, std::string kid = {});
  /// A public RSA key for RS256, RS384 and RS512, as `-----BEGIN PUBLIC KEY-----`. Throws std::invalid_argument when
  /// the text is anything else, or the key is shorter than 2048 bits (RFC 7518 section 3.3).
  static JwtKey rsa_public_pem(std::string_view pem, std::string kid = {});
  /// A public key on P-256 for ES256, on P-384 for ES384 or on P-521 for ES512 (RFC 7518 section 3.4), as
  /// `-----BEGIN PUBLIC KEY-----`. Throws std::invalid_argument when the text is anything else.
  static JwtKey ec_public_pem(std::string_view pem, std::string kid = {});

  /// The name of the key in tokens (their `kid` header); empty: none.
  const std::string& kid() const noexcept { return kid_; }
  /// True if the key fits this algorithm: its family, and for EC its curve.
  bool fits(JwtAlgorithm algorithm) const noexcept {
    return (algorithms_ >> static_cast<unsigned>(algorithm) & 1U) != 0;
  }
  /// True if the key is long enough for the algorithm: an HMAC secret needs at least the length of the hash (RFC 7518
  /// section 3.2).
  bool long_enough(JwtAlgorithm algorithm) const noexcept;
  /// True if this token, `header.claims.signature`, was signed with this key and this algorithm. False when the
  /// algorithm does not fit, or is not the one in the token's header. The claims are not checked. Any thread.
  bool signed_token(std::string_view token, JwtAlgorithm algorithm) const;
  /// The same for its decoded parts: whether this is the signature of `header.claims`. A signature of a wrong size
  /// costs nothing.
  bool verifies(std::string_view header_and_claims, std::string_view signature, JwtAlgorithm algorithm) const;

 private:
  JwtKey(std::uint16_t algorithms, std::string secret, std::shared_ptr<void> public_key, std::string kid)
      : algorithms_(algorithms), secret_(std::move(secret)), public_key_(std::move(public_key)), kid_(std::move(kid)) {}

  std::uint16_t algorithms_;  // a bit for each that fits
  std::string secret_;
  std::shared_ptr<void> public_key_;  // OpenSSL's, parsed once and shared by all copies; null: a secret
  std::string kid_;
};

}  // namespace sluice::SLUICE_ABI
