// SPDX-License-Identifier: MIT
// Verifies tokens: signature, times, issuer and audience (RFC 7519, with the advice of RFC 8725).
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/auth/claims.hpp"
#include "sluice/auth/jwt_key.hpp"
#include "sluice/core/result.hpp"

namespace sluice::SLUICE_ABI {

/// A claim that a token must have, and its text if that matters: {"user_id"}, or {"token_type", "access"}, which
/// refuses refresh tokens that were signed with the same key. A value.
struct RequiredClaim {
  std::string name;
  std::optional<std::string> text = std::nullopt;
};

/// The requirements for a token. A value.
struct JwtOptions {
  std::vector<JwtAlgorithm> algorithms = {};  // the only ones that are accepted; each needs a key that fits
  std::vector<JwtKey> keys = {};
  std::string issuer = {};    // the required `iss`; empty: any
  std::string audience = {};  // the required `aud`, or an element of it; empty: a token with an `aud` is refused
  std::vector<RequiredClaim> required_claims = {};
  /// Claims and texts that no token may have: by default that of a refresh token, which would live as long as a session
  /// of weeks and is signed with the same key by Baserow and others.
  std::vector<std::pair<std::string, std::string>> refused_claims = {{"token_type", "refresh"}};
  bool require_exp = true;          // false: a token without `exp` never expires
  std::chrono::seconds leeway{5};   // the largest difference of the issuer's and the verifier's clocks
  bool allow_short_secret = false;  // true: for demonstrations, an HMAC secret shorter than its hash
  std::size_t token_bytes = 8 * 1024;
  std::function<TokenTime()> now = {};  // empty: the system's clock; called from any thread
};

/// Verifies signed tokens. It takes the signature's algorithm from its own list and the key from its own set; a key in
/// the token or referenced by it (`jwk`, `jku`, `x5c`, `x5u`) is ignored. A token's `kid` selects the keys of this
/// name; a token without a kid is verified with keys without a name only.
///
///     JwtVerifier verifier({.algorithms = {JwtAlgorithm::hs256}, .keys = {JwtKey::hmac(secret)}});
///     auto claims = verifier.verify(token);
///
/// Any thread.
class SLUICE_API JwtVerifier {
 public:
  /// Throws std::invalid_argument with the fix in its message: no algorithms, an algorithm without a key, a key without
  /// an algorithm, a short HMAC secret, a leeway that is negative or longer than a year.
  explicit JwtVerifier(JwtOptions options);

  /// The claims of a valid token; otherwise ErrorCode::refused with the reason, for the log and not for the client.
  Result<Claims> verify(std::string_view token) const;

  /// Replaces all keys at once; tokens that are being verified finish with the old ones. Throws like the constructor,
  /// and then the old keys stay.
  void set_keys(std::vector<JwtKey> keys);

  /// The time that tokens are compared with.
  TokenTime now() const { return options_.now(); }

 private:
  using Keys = std::shared_ptr<const std::vector<JwtKey>>;
  Keys check(std::vector<JwtKey> keys) const;
  Keys keys() const;
  Result<void> check_signature(std::string_view signed_text, std::string_view header, std::string_view signature) const;
  Result<void> check_times(const Claims& claims) const;
  Result<void> check_recipient(const Claims& claims) const;
  bool allows(JwtAlgorithm algorithm) const noexcept;

  JwtOptions options_;
  mutable std::mutex mutex_;
  Keys keys_;
};

}  // namespace sluice::SLUICE_ABI
