// SPDX-License-Identifier: MIT
// Verifiers for tests of tokens, and the reason of a refusal. The clock is at 1000 seconds.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "auth/support/minting.hpp"
#include "sluice/auth/jwt_verifier.hpp"
#include "support/catch.hpp"

namespace verifying {

using minting::Signer;
using sluice::JwtAlgorithm;
using sluice::JwtKey;
using sluice::JwtOptions;
using sluice::JwtVerifier;

inline constexpr sluice::TokenTime at_1000{std::chrono::seconds(1000)};
inline const std::string shared_secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
inline const Signer secret_signer = Signer::secret(shared_secret);
inline constexpr std::string_view good_claims = R"({"user_id":7,"exp":1060})";

// One key of each kind, made once.
struct Keys {
  Signer rsa = Signer::rsa(2048);
  Signer p256 = Signer::ec("P-256");
  Signer p384 = Signer::ec("P-384");
  Signer p521 = Signer::ec("P-521");
};
inline const Keys& keys() {
  static const Keys made;
  return made;
}

inline JwtOptions hs256_options() {
  JwtOptions options;
  options.algorithms = {JwtAlgorithm::hs256};
  options.keys = {JwtKey::hmac(shared_secret)};
  options.leeway = std::chrono::seconds(0);
  options.now = [] { return at_1000; };
  return options;
}

inline JwtVerifier everything_verifier() {
  JwtOptions options = hs256_options();
  options.algorithms = {JwtAlgorithm::hs256, JwtAlgorithm::hs384, JwtAlgorithm::hs512,
                        JwtAlgorithm::rs256, JwtAlgorithm::rs384, JwtAlgorithm::rs512,
                        JwtAlgorithm::es256, JwtAlgorithm::es384, JwtAlgorithm::es512};
  options.keys = {JwtKey::hmac(shared_secret), JwtKey::rsa_public_pem(keys().rsa.public_pem()),
                  JwtKey::ec_public_pem(keys().p256.public_pem()), JwtKey::ec_public_pem(keys().p384.public_pem()),
                  JwtKey::ec_public_pem(keys().p521.public_pem())};
  return JwtVerifier(std::move(options));
}

inline const Signer& signer_for(std::string_view alg) {
  if (alg.starts_with("HS")) return secret_signer;
  if (alg.starts_with("RS")) return keys().rsa;
  return alg == "ES256" ? keys().p256 : alg == "ES384" ? keys().p384 : keys().p521;
}

// "ok", or why not.
inline std::string outcome(const JwtVerifier& verifier, std::string_view token) {
  const auto claims = verifier.verify(token);
  if (claims) return "ok";
  CHECK(claims.error().code() == sluice::ErrorCode::refused);
  return claims.error().context();
}
inline std::string outcome_of_claims(JwtOptions options, std::string_view claims) {
  return outcome(JwtVerifier(std::move(options)), minting::mint("HS256", claims, secret_signer));
}
inline std::string outcome_of_header(std::string_view header) {
  return outcome(JwtVerifier(hs256_options()), minting::mint(header, good_claims, secret_signer, "HS256"));
}

}  // namespace verifying
