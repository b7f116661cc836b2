// SPDX-License-Identifier: MIT
#include "sluice/auth/jwt_signer.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <new>
#include <stdexcept>

#include "core/base64.hpp"
#include "sluice/json/document.hpp"
#include "sluice/json/writer.hpp"

namespace sluice::SLUICE_ABI {

std::string sign_hs256(std::string_view claims_json, std::string_view secret, std::string_view kid) {
  if (secret.empty()) throw std::invalid_argument("sign_hs256: the secret is empty");
  const auto claims = json::Document::parse(claims_json);
  if (!claims || !claims->root().is_object()) throw std::invalid_argument("sign_hs256: the claims must be a JSON map");
  json::Writer header;
  header.begin_object().key("alg").value("HS256").key("typ").value("JWT");
  if (!kid.empty()) header.key("kid").value(kid);
  std::string token = base64_encode(header.end_object().take(), Base64::url_not_padded) + '.' +
                      base64_encode(claims_json, Base64::url_not_padded);

  std::array<unsigned char, EVP_MAX_MD_SIZE> signature{};
  unsigned size = 0;
  if (!HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
            reinterpret_cast<const unsigned char*>(token.data()), token.size(), signature.data(), &size)) {
    ERR_clear_error();
    throw std::bad_alloc();
  }
  return token + '.' + base64_encode({reinterpret_cast<const char*>(signature.data()), size}, Base64::url_not_padded);
}

}  // namespace sluice::SLUICE_ABI
