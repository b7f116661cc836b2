// SPDX-License-Identifier: MIT
// Any bytes as a token, and any bytes as the header and claims of a token that is signed correctly: nothing is
// accepted that is not signed, and what is accepted holds what was asked for. Any bytes as an origin.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth/support/minting.hpp"
#include "core/base64.hpp"
#include "fuzz/check.hpp"
#include "sluice/auth/jwt_verifier.hpp"
#include "sluice/auth/origin_check.hpp"
#include "sluice/json/utf8.hpp"

using namespace sluice;

namespace {

const std::string secret(64, 's');
const TokenTime now{std::chrono::seconds(1000)};

const JwtVerifier& verifier() {
  static const JwtVerifier made([] {
    JwtOptions options;
    options.algorithms = {JwtAlgorithm::hs256, JwtAlgorithm::hs512, JwtAlgorithm::rs256, JwtAlgorithm::es256};
    options.keys = {JwtKey::hmac(secret), JwtKey::hmac(secret, "k"),
                    JwtKey::rsa_public_pem(minting::Signer::rsa(2048).public_pem()),
                    JwtKey::ec_public_pem(minting::Signer::ec("P-256").public_pem())};
    options.issuer = "i";
    options.audience = "a";
    options.required_claims = {{"user_id"}};
    options.now = [] { return now; };
    return options;
  }());
  return made;
}

void check_accepted(const Claims& claims) {
  check(claims["iss"].as_string() == "i");
  check(bool(claims["aud"]));
  check(bool(claims["user_id"]));
  check(claims.expires_at() && *claims.expires_at() + std::chrono::seconds(5) > now);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  // As a token: without the secret there is none.
  const auto stranger = verifier().verify(text);
  check(!stranger.has_value());
  check(json::is_valid_utf8(stranger.error().context()));
  check(stranger.error().context().size() < 500);

  // As the two halves of one that is signed.
  const std::size_t half = text.find('\n');
  if (half != text.npos) {
    const minting::Signer signer = minting::Signer::secret(secret);
    const auto claims = verifier().verify(minting::mint(text.substr(0, half), text.substr(half + 1), signer, "HS256"));
    if (claims) check_accepted(*claims);
  }

  // base64url has one spelling for each value.
  if (const auto bytes = base64_decode(text, Base64::url_not_padded)) check(minting::base64url(*bytes) == text);

  static const OriginCheck origins({"host", ".domain", "https://name:8443"});
  if (origins.allows(text)) {
    check(text.find("://") != text.npos && text.find_first_of("/@\\?# ", text.find("://") + 3) == text.npos);
  }
  return 0;
}
