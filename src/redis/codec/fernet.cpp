// SPDX-License-Identifier: MIT
#include "redis/codec/fernet.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <memory>
#include <stdexcept>

#include "core/base64.hpp"
#include "core/owned.hpp"
#include "core/random.hpp"

namespace sluice::SLUICE_ABI::redis {
namespace {

// 0x80, the time in 8 bytes, 16 of initialisation vector, the cipher text, 32 of signature.
constexpr char version = '\x80';
constexpr std::size_t time_bytes = 8;
constexpr std::size_t block_bytes = 16;
constexpr std::size_t head_bytes = 1 + time_bytes + block_bytes;
constexpr std::size_t signature_bytes = SHA256_DIGEST_LENGTH;
constexpr std::int64_t clock_skew_seconds = 60;

const auto* in(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
auto* out(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

using Context = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

Context new_context() {
  Context context(EVP_CIPHER_CTX_new());
  if (!context) throw std::bad_alloc();
  return context;
}

std::string signature_of(std::string_view message, std::string_view key) {
  std::string signature(signature_bytes, '\0');
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), in(message), message.size(), out(signature), nullptr);
  return signature;
}

std::string encrypt_cbc(std::string_view plain, std::string_view key, std::string_view vector) {
  std::string cipher(plain.size() + block_bytes, '\0');
  const Context context = new_context();
  int length = 0;
  int last = 0;
  EVP_EncryptInit_ex(context.get(), EVP_aes_128_cbc(), nullptr, in(key), in(vector));
  EVP_EncryptUpdate(context.get(), out(cipher), &length, in(plain), static_cast<int>(plain.size()));
  EVP_EncryptFinal_ex(context.get(), out(cipher) + length, &last);
  cipher.resize(static_cast<std::size_t>(length + last));
  return cipher;
}

Result<std::string> decrypt_cbc(std::string_view cipher, std::string_view key, std::string_view vector) {
  std::string plain(cipher.size() + block_bytes, '\0');
  const Context context = new_context();
  int length = 0;
  int last = 0;
  if (EVP_DecryptInit_ex(context.get(), EVP_aes_128_cbc(), nullptr, in(key), in(vector)) != 1 ||
      EVP_DecryptUpdate(context.get(), out(plain), &length, in(cipher), static_cast<int>(cipher.size())) != 1 ||
      EVP_DecryptFinal_ex(context.get(), out(plain) + length, &last) != 1) {
    return Error(ErrorCode::parse_failed, "Fernet token: signed, but its cipher text is broken");
  }
  plain.resize(static_cast<std::size_t>(length + last));
  return plain;
}

Error bad_token(std::string why) { return Error(ErrorCode::parse_failed, "Fernet token: " + std::move(why)); }

}  // namespace

Fernet::Fernet(const std::vector<std::string>& keys) {
  if (keys.empty()) throw std::invalid_argument("Fernet: at least one key");
  for (const std::string& text : keys) {
    std::string hash(SHA256_DIGEST_LENGTH, '\0');
    SHA256(in(text), text.size(), out(hash));
    keys_.push_back({hash.substr(0, block_bytes), hash.substr(block_bytes)});
  }
}

std::string Fernet::encrypt(std::string_view plain, std::int64_t unix_seconds) const {
  std::string token(1, version);
  for (int shift = 56; shift >= 0; shift -= 8) {
    token.push_back(static_cast<char>(static_cast<std::uint64_t>(unix_seconds) >> shift));
  }
  const std::string vector = random_bytes(block_bytes);
  token += vector;
  token += encrypt_cbc(plain, keys_.front().encryption, vector);
  token += signature_of(token, keys_.front().signing);
  return base64_encode(token, Base64::url);
}

Result<std::string> Fernet::decrypt(std::string_view text, std::int64_t unix_seconds,
                                    std::chrono::seconds oldest) const {
  const auto token = base64_decode(text, Base64::url);
  if (!token || token->size() < head_bytes + block_bytes + signature_bytes || token->front() != version) {
    return bad_token("not one");
  }
  const std::string_view whole(*token);
  std::uint64_t sealed = 0;
  for (const char byte : whole.substr(1, time_bytes)) sealed = sealed << 8 | static_cast<unsigned char>(byte);
  const auto sealed_at = static_cast<std::int64_t>(sealed);
  const std::string_view signed_part = whole.substr(0, whole.size() - signature_bytes);
  for (const Key& key : keys_) {
    const std::string signature = signature_of(signed_part, key.signing);
    if (CRYPTO_memcmp(signature.data(), whole.data() + signed_part.size(), signature_bytes) != 0) continue;
    if (oldest.count() > 0 && sealed_at + oldest.count() < unix_seconds) return bad_token("too old");
    if (oldest.count() > 0 && sealed_at > unix_seconds + clock_skew_seconds) return bad_token("from the future");
    return decrypt_cbc(signed_part.substr(head_bytes), key.encryption, whole.substr(1 + time_bytes, block_bytes));
  }
  return bad_token("none of the keys signed it");
}

}  // namespace sluice::SLUICE_ABI::redis
