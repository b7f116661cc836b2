// SPDX-License-Identifier: MIT
#include "sluice/auth/jwt_key.hpp"

#include <fmt/format.h>
#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <stdexcept>

namespace sluice {
namespace {

template <auto destroy>
struct With {
  template <class T>
  void operator()(T* object) const noexcept {
    destroy(object);
  }
};
using Token = std::unique_ptr<jwt_t, With<&jwt_free>>;
using Bio = std::unique_ptr<BIO, With<&BIO_free_all>>;
using PublicKey = std::unique_ptr<EVP_PKEY, With<&EVP_PKEY_free>>;

// A failed call of OpenSSL leaves its reasons in a queue of the thread, where the next TLS read would find them.
struct NoErrorsLeft {
  NoErrorsLeft() = default;
  NoErrorsLeft(const NoErrorsLeft&) = delete;
  NoErrorsLeft& operator=(const NoErrorsLeft&) = delete;
  ~NoErrorsLeft() { ERR_clear_error(); }
};

struct Named {
  JwtAlgorithm algorithm;
  jwt_alg_t libjwt;
  std::string_view name;
  std::size_t hash_bytes;
};
constexpr std::array names = {
    Named{JwtAlgorithm::hs256, JWT_ALG_HS256, "HS256", 32}, Named{JwtAlgorithm::hs384, JWT_ALG_HS384, "HS384", 48},
    Named{JwtAlgorithm::hs512, JWT_ALG_HS512, "HS512", 64}, Named{JwtAlgorithm::rs256, JWT_ALG_RS256, "RS256", 32},
    Named{JwtAlgorithm::rs384, JWT_ALG_RS384, "RS384", 48}, Named{JwtAlgorithm::rs512, JWT_ALG_RS512, "RS512", 64},
    Named{JwtAlgorithm::es256, JWT_ALG_ES256, "ES256", 32}, Named{JwtAlgorithm::es384, JWT_ALG_ES384, "ES384", 48},
    Named{JwtAlgorithm::es512, JWT_ALG_ES512, "ES512", 64},
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

// The key in the one spelling that libjwt reads.
std::string write_public_key(EVP_PKEY* key) {
  const Bio text(BIO_new(BIO_s_mem()));
  if (!text || PEM_write_bio_PUBKEY(text.get(), key) != 1) throw std::bad_alloc();
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
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
  return JwtKey(hmac_family, std::string(secret), std::move(kid));
}

JwtKey JwtKey::rsa_public_pem(std::string_view pem, std::string kid) {
  const PublicKey key = read_public_key("JwtKey::rsa_public_pem", pem);
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) {
    throw std::invalid_argument("JwtKey::rsa_public_pem: this is a public key, but not one for RSA");
  }
  constexpr int least_bits = 2048;
  if (const int size = EVP_PKEY_get_bits(key.get()); size < least_bits) {
    throw std::invalid_argument(
        fmt::format("JwtKey::rsa_public_pem: the key has {} bits, at least {} are needed", size, least_bits));
  }
  return JwtKey(rsa_family, write_public_key(key.get()), std::move(kid));
}

JwtKey JwtKey::ec_public_pem(std::string_view pem, std::string kid) {
  const PublicKey key = read_public_key("JwtKey::ec_public_pem", pem);
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC) {
    throw std::invalid_argument("JwtKey::ec_public_pem: this is a public key, but not one on an elliptic curve");
  }
  return JwtKey(algorithm_of_curve(key.get()), write_public_key(key.get()), std::move(kid));
}

bool JwtKey::long_enough(JwtAlgorithm algorithm) const noexcept {
  return algorithms_ != hmac_family || material_.size() >= named(algorithm).hash_bytes;
}

bool JwtKey::signed_token(const std::string& token, JwtAlgorithm algorithm) const {
  if (!fits(algorithm) || token.find('\0') != token.npos) return false;
  const NoErrorsLeft tidy;
  jwt_t* decoded = nullptr;
  const auto* key = reinterpret_cast<const unsigned char*>(material_.data());
  // libjwt goes by the algorithm that the token names, whatever the key is: hence the second look.
  if (jwt_decode(&decoded, token.c_str(), key, static_cast<int>(material_.size())) != 0) return false;
  const Token owned(decoded);
  return jwt_get_alg(decoded) == named(algorithm).libjwt;
}

}  // namespace sluice
