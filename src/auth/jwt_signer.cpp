// SPDX-License-Identifier: MIT
#include "sluice/auth/jwt_signer.hpp"

#include <jwt.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>

namespace sluice {
namespace {

void done_or_no_memory(int error) {
  if (error != 0) throw std::bad_alloc();
}

}  // namespace

std::string sign_hs256(std::string_view claims_json, std::string_view secret, std::string_view kid) {
  if (secret.empty()) throw std::invalid_argument("sign_hs256: the secret is empty");
  jwt_t* made = nullptr;
  done_or_no_memory(jwt_new(&made));
  const std::unique_ptr<jwt_t, void (*)(jwt_t*)> token(made, [](jwt_t* jwt) { jwt_free(jwt); });

  const std::string claims(claims_json);
  if (claims.find('\0') != claims.npos || jwt_add_grants_json(made, claims.c_str()) != 0) {
    throw std::invalid_argument("sign_hs256: the claims must be a JSON map");
  }
  if (!kid.empty()) done_or_no_memory(jwt_add_header(made, "kid", std::string(kid).c_str()));
  const auto* key = reinterpret_cast<const unsigned char*>(secret.data());
  done_or_no_memory(jwt_set_alg(made, JWT_ALG_HS256, key, static_cast<int>(secret.size())));
  const std::unique_ptr<char, void (*)(void*)> text(jwt_encode_str(made), std::free);
  if (!text) throw std::bad_alloc();
  return text.get();
}

}  // namespace sluice
