// SPDX-License-Identifier: MIT
// A program that uses one library, sluice::auth, and needs neither Asio nor hiredis: it signs a token and verifies it.
#include <cstdio>
#include <ctime>
#include <string>

#include "sluice/auth/jwt_signer.hpp"
#include "sluice/auth/jwt_verifier.hpp"

int main() {
  const std::string secret = "at least thirty-two bytes of secret";
  const sluice::JwtVerifier verifier(
      {.algorithms = {sluice::JwtAlgorithm::hs256}, .keys = {sluice::JwtKey::hmac(secret)}});
  const auto claims = R"({"user_id":1,"exp":)" + std::to_string(std::time(nullptr) + 3600) + "}";
  std::puts(verifier.verify(sluice::sign_hs256(claims, secret)) ? "verified" : "refused");
}
