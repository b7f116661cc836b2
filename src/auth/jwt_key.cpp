// SPDX-License-Identifier: MIT
#include "sluice/auth/jwt_key.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>

#include "core/base64.hpp"
#include "core/owned.hpp"
#include "sluice/json/document.hpp"

namespace sluice::SLUICE_ABI {
namespace {

using DigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using EcSignature = Owned<ECDSA_SIG, ECDSA_SIG_free>;
using Bio = Owned<BIO, BIO_free_all>;
using PublicKey = Owned<EVP_PKEY, EVP_PKEY_free>;

// A failed call of OpenSSL leaves errors in the thread's queue, where the next TLS read would find them.
struct NoErrorsLeft {
  NoErrorsLeft() = default;
  NoErrorsLeft(const NoErrorsLeft&) = delete;
  NoErrorsLeft& operator=(const NoErrorsLeft&) = delete;
  ~NoErrorsLeft() { ERR_clear_error(); }
};

struct Named {
  JwtAlgorithm algorithm;
  std::string_view name;
  std::size_t hash_bytes;
};
constexpr std::array names = {
    Named{JwtAlgorithm::hs256, "HS256", 32}, Named{JwtAlgorithm::hs384, "HS384", 48},
    Named{JwtAlgorithm::hs512, "HS512", 64}, Named{JwtAlgorithm::rs256, "RS256", 32},
    Named{JwtAlgorithm::rs384, "RS384", 48}, Named{JwtAlgorithm::rs512, "RS512", 64},
    Named{JwtAlgorithm::es256, "ES256", 32}, Named{JwtAlgorithm::es384, "ES384", 48},
    Named{JwtAlgorithm::es512, "ES512", 64},
};
const Named& named(JwtAlgorithm algorithm) noexcept { return names[static_cast<std::size_t>(algorithm)]; }

constexpr std::uint16_t bits(std::initializer_list<JwtAlgorithm> algorithms) noexcept {
  unsigned all = 0;
  for (const JwtAlgorithm algorithm : algorithms) all |= 1U << static_cast<unsigned>(algorithm);
  return static_cast<std::uint16_t>(all);
}
constexpr std::uint16_t hmac_family = bits({JwtAlgorithm::hs256, JwtAlgorithm::hs384, JwtAlgorithm::hs512});
constexpr std::uint16_t rsa_family = bits({JwtAlgorithm::rs256, JwtAlgorithm::rs384, JwtAlgorithm::rs512});

constexpr std::string_view pem_mark = "-----BEGIN ";
constexpr std::string_view pem_form = "a PEM text that begins with -----BEGIN PUBLIC KEY-----";

PublicKey read_public_key(std::string_view factory, std::string_view pem) {
  const std::size_t first = pem.find(pem_mark);
  if (first == pem.npos) throw std::invalid_argument(fmt::format("{} needs {}", factory, pem_form));
  if (pem.find(pem_mark, first + 1) != pem.npos) {
    throw std::invalid_argument(fmt::format("{}: one key at a time, this text holds several", factory));
  }
  if (pem.find("PRIVATE KEY-----") != pem.npos) {
    throw std::invalid_argument(
        fmt::format("{}: this is a private key, which does not belong on a server that only "
                    "verifies; take its public half (openssl pkey -pubout)",
                    factory));
  }
  const NoErrorsLeft tidy;
  const Bio text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const auto no_passphrase = [](char*, int, int, void*) { return 0; };
  PublicKey key(text ? PEM_read_bio_PUBKEY(text.get(), nullptr, no_passphrase, nullptr) : nullptr);
  if (!key) throw std::invalid_argument(fmt::format("{}: can't read the key; it needs {}", factory, pem_form));
  return key;
}

const EVP_MD* hash_of(JwtAlgorithm algorithm) noexcept {
  const std::size_t bytes = named(algorithm).hash_bytes;
  return bytes == 32 ? EVP_sha256() : bytes == 48 ? EVP_sha384() : EVP_sha512();
}

const unsigned char* bytes_of(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bool verifies_with_secret(std::string_view secret, std::string_view text, std::string_view signature,
                          JwtAlgorithm algorithm) {
  if (signature.size() != named(algorithm).hash_bytes) return false;
  std::array<unsigned char, EVP_MAX_MD_SIZE> right{};
  unsigned size = 0;
  const auto* made = HMAC(hash_of(algorithm), secret.data(), static_cast<int>(secret.size()), bytes_of(text),
                          text.size(), right.data(), &size);
  return made && size == signature.size() && CRYPTO_memcmp(right.data(), signature.data(), size) == 0;
}

// A token has r and s side by side (RFC 7518 section 3.4), OpenSSL wants them in DER.
std::string der_of(std::string_view r_and_s) {
  const std::size_t half = r_and_s.size() / 2;
  const EcSignature signature(ECDSA_SIG_new());
  BIGNUM* const r = BN_bin2bn(bytes_of(r_and_s), static_cast<int>(half), nullptr);
  BIGNUM* const s = BN_bin2bn(bytes_of(r_and_s.substr(half)), static_cast<int>(half), nullptr);
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  std::array<unsigned char, 160> der{};  // of P-521: 139 at most
  unsigned char* end = der.data();
  const int size = i2d_ECDSA_SIG(signature.get(), nullptr);
  if (size <= 0 || static_cast<std::size_t>(size) > der.size() || i2d_ECDSA_SIG(signature.get(), &end) != size)
    return {};
  return std::string(reinterpret_cast<const char*>(der.data()), static_cast<std::size_t>(size));
}

bool verifies_with_key(EVP_PKEY* key, std::string_view text, std::string_view signature, JwtAlgorithm algorithm) {
  const bool rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
  const auto coordinate = static_cast<std::size_t>(EVP_PKEY_get_bits(key) + 7) / 8;
  if (signature.size() != (rsa ? static_cast<std::size_t>(EVP_PKEY_get_size(key)) : 2 * coordinate)) return false;
  const std::string der = rsa ? std::string() : der_of(signature);
  if (!rsa) signature = der;
  const DigestContext context(EVP_MD_CTX_new());
  return context && EVP_DigestVerifyInit(context.get(), nullptr, hash_of(algorithm), nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text), text.size()) == 1;
}

std::uint16_t algorithm_of_curve(EVP_PKEY* key) {
  std::array<char, 64> name{};
  EVP_PKEY_get_group_name(key, name.data(), name.size(), nullptr);
  const std::string_view curve(name.data());
  if (curve == "prime256v1") return bits({JwtAlgorithm::es256});
  if (curve == "secp384r1") return bits({JwtAlgorithm::es384});
  if (curve == "secp521r1") return bits({JwtAlgorithm::es512});
  throw std::invalid_argument(
      fmt::format("JwtKey::ec_public_pem: no JWT algorithm for the curve {}; P-256, P-384 and P-521 have one",
                  curve.empty() ? "of this key" : curve));
}

}  // namespace

std::string_view to_string(JwtAlgorithm algorithm) noexcept { return named(algorithm).name; }

std::optional<JwtAlgorithm> jwt_algorithm(std::string_view name) noexcept {
  const auto found = std::ranges::find(names, name, &Named::name);
  return found == names.end() ? std::nullopt : std::optional(found->algorithm);
}

JwtKey JwtKey::hmac(std::string_view secret, std::string kid) {
  if (secret.empty()) throw std::invalid_argument("JwtKey::hmac: the secret is empty");
  if (secret.find(pem_mark) != secret.npos) {
    throw std::invalid_argument(
        "JwtKey::hmac: this is a PEM file, and a public key is no secret; use rsa_public_pem or ec_public_pem");
  }
  return JwtKey(hmac_family, std::string(secret), nullptr, std::move(kid));
}

JwtKey JwtKey::rsa_public_pem(std::string_view pem, std::string kid) {
  PublicKey key = read_public_key("JwtKey::rsa_public_pem", pem);
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
    throw std::invalid_argument("JwtKey::rsa_public_pem: this is a public key, but not one for RSA");
  }
  constexpr int least_bits = 2048;
  if (const int size = EVP_PKEY_get_bits(key.get()); size < least_bits) {
    throw std::invalid_argument(
        fmt::format("JwtKey::rsa_public_pem: the key has {} bits, at least {} are needed", size, least_bits));
  }
  return JwtKey(rsa_family, {}, std::shared_ptr<EVP_PKEY>(std::move(key)), std::move(kid));
}

JwtKey JwtKey::ec_public_pem(std::string_view pem, std::string kid) {
  PublicKey key = read_public_key("JwtKey::ec_public_pem", pem);
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC) {
    throw std::invalid_argument("JwtKey::ec_public_pem: this is a public key, but not one on an elliptic curve");
  }
  const std::uint16_t algorithm = algorithm_of_curve(key.get());
  return JwtKey(algorithm, {}, std::shared_ptr<EVP_PKEY>(std::move(key)), std::move(kid));
}

bool JwtKey::long_enough(JwtAlgorithm algorithm) const noexcept {
  return algorithms_ != hmac_family || secret_.size() >= named(algorithm).hash_bytes;
}

bool JwtKey::verifies(std::string_view text, std::string_view signature, JwtAlgorithm algorithm) const {
  if (!fits(algorithm)) return false;
  const NoErrorsLeft tidy;
  if (!public_key_) return verifies_with_secret(secret_, text, signature, algorithm);
  return verifies_with_key(static_cast<EVP_PKEY*>(public_key_.get()), text, signature, algorithm);
}

bool JwtKey::signed_token(std::string_view token, JwtAlgorithm algorithm) const {
  const std::size_t dot = token.rfind('.');
  if (dot == token.npos) return false;
  const auto header = base64_decode(token.substr(0, token.find('.')), Base64::url_not_padded);
  const auto signature = base64_decode(token.substr(dot + 1), Base64::url_not_padded);
  if (!header || !signature) return false;
  const auto document = json::Document::parse(*header);
  if (!document || document->root()["alg"].as_string() != to_string(algorithm)) return false;
  return verifies(token.substr(0, dot), *signature, algorithm);
}

}  // namespace sluice::SLUICE_ABI
