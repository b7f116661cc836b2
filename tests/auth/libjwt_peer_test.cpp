// SPDX-License-Identifier: MIT
// Another implementation reads what is signed here, and signs what is read here.
#include <jwt.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "auth/support/minting.hpp"
#include "auth/support/verifying.hpp"
#include "sluice/auth/jwt_signer.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace verifying;

namespace {

using Token = std::unique_ptr<jwt_t, void (*)(jwt_t*)>;

Token read(const std::string& token, const std::string& key) {
  jwt_t* decoded = nullptr;
  jwt_decode(&decoded, token.c_str(), reinterpret_cast<const unsigned char*>(key.data()), static_cast<int>(key.size()));
  return Token(decoded, [](jwt_t* jwt) { jwt_free(jwt); });
}

std::string sign(jwt_alg_t algorithm, const std::string& key) {
  jwt_t* made = nullptr;
  REQUIRE(jwt_new(&made) == 0);
  const Token token(made, [](jwt_t* jwt) { jwt_free(jwt); });
  REQUIRE(jwt_add_grants_json(made, std::string(good_claims).c_str()) == 0);
  REQUIRE(jwt_set_alg(made, algorithm, reinterpret_cast<const unsigned char*>(key.data()),
                      static_cast<int>(key.size())) == 0);
  const std::unique_ptr<char, void (*)(void*)> text(jwt_encode_str(made), std::free);
  REQUIRE(text);
  return text.get();
}

}  // namespace

TEST_CASE("libjwt reads what is signed here", "[auth]") {
  const Token token = read(sign_hs256(R"({"user_id":7,"name":"\u00e4"})", shared_secret, "2026"), shared_secret);
  REQUIRE(token);
  CHECK(jwt_get_grant_int(token.get(), "user_id") == 7);
  CHECK(std::string(jwt_get_grant(token.get(), "name")) == "\xc3\xa4");
  CHECK(std::string(jwt_get_header(token.get(), "kid")) == "2026");
  CHECK_FALSE(read(sign_hs256("{}", shared_secret), "another secret"));
}

TEST_CASE("tokens that libjwt signs are verified here", "[auth]") {
  const JwtVerifier verifier = everything_verifier();
  for (int round = 0; round < 20; ++round) {  // some r and s of an EC signature begin with zeros
    CHECK(outcome(verifier, sign(JWT_ALG_ES256, keys().p256.private_pem())) == "ok");
    CHECK(outcome(verifier, sign(JWT_ALG_ES512, keys().p521.private_pem())) == "ok");
  }
  CHECK(outcome(verifier, sign(JWT_ALG_ES384, keys().p384.private_pem())) == "ok");
  CHECK(outcome(verifier, sign(JWT_ALG_RS256, keys().rsa.private_pem())) == "ok");
  CHECK(outcome(verifier, sign(JWT_ALG_RS512, keys().rsa.private_pem())) == "ok");
  CHECK(outcome(verifier, sign(JWT_ALG_HS384, shared_secret)) == "ok");
}
