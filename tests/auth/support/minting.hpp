// SPDX-License-Identifier: MIT
// Makes keys and tokens of every kind, good and bad, with OpenSSL alone: nothing here is shared with what is tested.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "sluice/auth/jwt_key.hpp"

namespace minting {

inline std::string base64url(std::string_view bytes) {
  std::string out(bytes.size() * 4 / 3 + 5, '\0');
  const auto* in = reinterpret_cast<const unsigned char*>(bytes.data());
  out.resize(static_cast<std::size_t>(
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), in, static_cast<int>(bytes.size()))));
  std::ranges::replace(out, '+', '-');
  std::ranges::replace(out, '/', '_');
  out.resize(std::min(out.find('='), out.size()));
  return out;
}

inline const EVP_MD* hash_of(std::string_view alg) {
  return alg.ends_with("512") ? EVP_sha512() : alg.ends_with("384") ? EVP_sha384() : EVP_sha256();
}

/// A secret, or a private key made on the spot.
class Signer {
 public:
  static Signer secret(std::string bytes) { return Signer(std::move(bytes), nullptr); }
  static Signer rsa(unsigned bits) { return Signer({}, EVP_RSA_gen(bits)); }
  static Signer ec(const char* curve) { return Signer({}, EVP_EC_gen(curve)); }

  std::string sign(std::string_view alg, std::string_view text) const {
    return key_ ? sign_with_key(alg, text) : sign_with_secret(alg, text);
  }
  std::string public_pem() const {
    return pem([this](BIO* out) { return PEM_write_bio_PUBKEY(out, key_.get()); });
  }
  std::string private_pem() const {
    return pem([this](BIO* out) {
      return PEM_write_bio_PKCS8PrivateKey(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }

 private:
  Signer(std::string secret, EVP_PKEY* key) : secret_(std::move(secret)), key_(key, EVP_PKEY_free) {}

  template <class Write>
  std::string pem(Write write) const {
    const std::unique_ptr<BIO, int (*)(BIO*)> out(BIO_new(BIO_s_mem()), BIO_free);
    if (write(out.get()) != 1) throw std::runtime_error("can't write a key");
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out.get(), &bytes);
    return std::string(bytes, static_cast<std::size_t>(size));
  }

  std::string sign_with_secret(std::string_view alg, std::string_view text) const {
    std::string mac(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    HMAC(hash_of(alg), secret_.data(), static_cast<int>(secret_.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), reinterpret_cast<unsigned char*>(mac.data()),
         &size);
    mac.resize(size);
    return mac;
  }

  std::string sign_with_key(std::string_view alg, std::string_view text) const {
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::size_t size = 0;
    const auto* in = reinterpret_cast<const unsigned char*>(text.data());
    if (EVP_DigestSignInit(context.get(), nullptr, hash_of(alg), nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, in, text.size()) != 1) {
      throw std::runtime_error("can't sign");
    }
    std::string der(size, '\0');
    auto* out = reinterpret_cast<unsigned char*>(der.data());
    if (EVP_DigestSign(context.get(), out, &size, in, text.size()) != 1) throw std::runtime_error("can't sign");
    der.resize(size);
    return EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_EC ? raw_ec_signature(der) : der;
  }

  // RFC 7518 section 3.4: R and S side by side, each as long as the curve's numbers.
  std::string raw_ec_signature(const std::string& der) const {
    const auto* in = reinterpret_cast<const unsigned char*>(der.data());
    const std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> signature(
        d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der.size())), ECDSA_SIG_free);
    const int half = (EVP_PKEY_get_bits(key_.get()) + 7) / 8;
    std::string raw(static_cast<std::size_t>(half) * 2, '\0');
    auto* out = reinterpret_cast<unsigned char*>(raw.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, half);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + half, half);
    return raw;
  }

  std::string secret_;
  std::shared_ptr<EVP_PKEY> key_;
};

/// The three parts with any content. `alg` is the algorithm of the signature, not that of the header.
inline std::string mint(std::string_view header, std::string_view claims, const Signer& signer, std::string_view alg) {
  const std::string text = base64url(header) + "." + base64url(claims);
  return text + "." + base64url(signer.sign(alg, text));
}

/// An honest token.
inline std::string mint(std::string_view alg, std::string_view claims, const Signer& signer) {
  return mint(R"({"typ":"JWT","alg":")" + std::string(alg) + R"("})", claims, signer, alg);
}

}  // namespace minting
