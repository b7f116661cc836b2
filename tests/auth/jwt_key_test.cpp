// SPDX-License-Identifier: MIT
#include "sluice/auth/jwt_key.hpp"

#include <openssl/err.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "auth/support/complaint.hpp"
#include "auth/support/minting.hpp"
#include "support/catch.hpp"

using namespace sluice;
using minting::mint;
using minting::Signer;

namespace {

constexpr JwtAlgorithm all[] = {JwtAlgorithm::hs256, JwtAlgorithm::hs384, JwtAlgorithm::hs512,
                                JwtAlgorithm::rs256, JwtAlgorithm::rs384, JwtAlgorithm::rs512,
                                JwtAlgorithm::es256, JwtAlgorithm::es384, JwtAlgorithm::es512};

std::string fitting(const JwtKey& key) {
  std::string names;
  for (const JwtAlgorithm algorithm : all) {
    if (key.fits(algorithm)) names += std::string(to_string(algorithm)) + " ";
  }
  return names;
}

}  // namespace

TEST_CASE("algorithms are called by their exact names", "[auth]") {
  for (const JwtAlgorithm algorithm : all) CHECK(jwt_algorithm(to_string(algorithm)) == algorithm);
  CHECK(to_string(JwtAlgorithm::es512) == "ES512");
  for (const std::string name : {"none", "NONE", "hs256", "HS256 ", "PS256", "ES256K", "EdDSA", ""}) {
    CHECK_FALSE(jwt_algorithm(name));
  }
}

TEST_CASE("a key is for one family of algorithms", "[auth]") {
  CHECK(fitting(JwtKey::hmac("secret")) == "HS256 HS384 HS512 ");
  CHECK(fitting(JwtKey::rsa_public_pem(Signer::rsa(2048).public_pem())) == "RS256 RS384 RS512 ");
  CHECK(fitting(JwtKey::ec_public_pem(Signer::ec("P-256").public_pem())) == "ES256 ");
  CHECK(fitting(JwtKey::ec_public_pem(Signer::ec("P-384").public_pem())) == "ES384 ");
  CHECK(fitting(JwtKey::ec_public_pem(Signer::ec("P-521").public_pem(), "k")) == "ES512 ");
}

TEST_CASE("text that is no such key is refused with a reason", "[auth]") {
  const std::string rsa = Signer::rsa(2048).public_pem();
  const std::string ec = Signer::ec("P-256").public_pem();
  std::string damaged = rsa;
  damaged[100] = damaged[100] == 'A' ? 'B' : 'A';
  damaged.erase(120, 3);
  const std::vector<std::pair<std::function<JwtKey()>, std::string>> table = {
      {[] { return JwtKey::hmac(""); }, "empty"},
      {[&] { return JwtKey::hmac(rsa); }, "no secret"},
      {[&] { return JwtKey::hmac(Signer::rsa(2048).private_pem()); }, "PEM"},
      {[] { return JwtKey::rsa_public_pem(""); }, "-----BEGIN PUBLIC KEY-----"},
      {[] { return JwtKey::rsa_public_pem("secret"); }, "-----BEGIN PUBLIC KEY-----"},
      {[&] { return JwtKey::rsa_public_pem(damaged); }, "can't read"},
      {[&] { return JwtKey::rsa_public_pem(rsa + rsa); }, "one key at a time"},
      {[&] { return JwtKey::rsa_public_pem(ec); }, "not one for RSA"},
      {[&] { return JwtKey::ec_public_pem(rsa); }, "not one on an elliptic curve"},
      {[] { return JwtKey::rsa_public_pem(Signer::rsa(2048).private_pem()); }, "private key"},
      {[] { return JwtKey::rsa_public_pem(Signer::rsa(1024).public_pem()); }, "1024 bits"},
      {[] { return JwtKey::ec_public_pem(Signer::ec("secp256k1").public_pem()); }, "secp256k1"},
  };
  for (const auto& [make, complaint] : table) {
    const std::string said = complaint_of(make);
    CAPTURE(said, complaint);
    CHECK(said.find(complaint) != said.npos);
    CHECK(ERR_peek_error() == 0);
  }
}

TEST_CASE("a key verifies only what its owner signed, with the algorithm asked for", "[auth]") {
  const Signer signer = Signer::rsa(2048);
  const JwtKey key = JwtKey::rsa_public_pem(signer.public_pem());
  const std::string token = mint("RS256", "{}", signer);
  CHECK(key.signed_token(token, JwtAlgorithm::rs256));
  CHECK_FALSE(key.signed_token(token, JwtAlgorithm::rs512));
  CHECK_FALSE(key.signed_token(token, JwtAlgorithm::hs256));
  CHECK_FALSE(key.signed_token(token + '\0' + "x", JwtAlgorithm::rs256));
  CHECK_FALSE(key.signed_token(mint("RS256", "{}", Signer::rsa(2048)), JwtAlgorithm::rs256));
  // What its owner signed, but its header names another algorithm.
  CHECK_FALSE(key.signed_token(mint(R"({"alg":"RS384"})", "{}", signer, "RS256"), JwtAlgorithm::rs256));
  // Signed with the public key as an HMAC secret.
  const std::string confused = mint("HS256", "{}", Signer::secret(signer.public_pem()));
  CHECK_FALSE(key.signed_token(confused, JwtAlgorithm::rs256));
  CHECK_FALSE(key.signed_token(confused, JwtAlgorithm::hs256));
}

TEST_CASE("a refused signature leaves no error behind for the next user of OpenSSL", "[auth]") {
  const JwtKey key = JwtKey::rsa_public_pem(Signer::rsa(2048).public_pem());
  CHECK_FALSE(key.signed_token(mint("RS256", "{}", Signer::rsa(2048)), JwtAlgorithm::rs256));
  CHECK(ERR_peek_error() == 0);
}
