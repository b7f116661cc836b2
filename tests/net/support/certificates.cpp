// SPDX-License-Identifier: MIT
#include "net/support/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "net/socket/tls_settings.hpp"

namespace sluice::test {
namespace {

using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using Certificate = Owned<X509, X509_free>;
using Bio = Owned<BIO, BIO_free_all>;

void require(bool went_well) {
  if (!went_well) throw std::runtime_error("certificates: " + net::take_openssl_errors());
}

template <class Write>
std::string written(Write write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  require(write(bio.get()) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

Key make_key() { return Key(EVP_EC_gen("P-256")); }

void add_name(X509_NAME* name, const char* field, const std::string& value) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(value.data());
  require(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, bytes, static_cast<int>(value.size()), -1, 0) == 1);
}

Certificate begin(const std::string& name, EVP_PKEY* key) {
  Certificate made(X509_new());
  std::uint32_t serial = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 365 * 24 * 3600L);
  add_name(X509_get_subject_name(made.get()), "O", "Sluice");
  add_name(X509_get_subject_name(made.get()), "CN", name);
  require(X509_set_pubkey(made.get(), key) == 1);
  return made;
}

void extend(X509* made, int extension, const std::string& value) {
  const Owned<X509_EXTENSION, X509_EXTENSION_free> made_extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, extension, value.c_str()));
  require(made_extension && X509_add_ext(made, made_extension.get(), -1) == 1);
}

std::string sealed(X509* made, X509* issuer, EVP_PKEY* issuer_key) {
  require(X509_set_issuer_name(made, X509_get_subject_name(issuer)) == 1);
  require(X509_sign(made, issuer_key, EVP_sha256()) > 0);
  return written([&](BIO* bio) { return PEM_write_bio_X509(bio, made); });
}

}  // namespace

struct Authority::Keys {
  Key key;
  Certificate certificate;
};

Authority::Authority(const std::string& name) : keys_(std::make_unique<Keys>()) {
  keys_->key = make_key();
  keys_->certificate = begin(name, keys_->key.get());
  extend(keys_->certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  certificate_ = sealed(keys_->certificate.get(), keys_->certificate.get(), keys_->key.get());
}

Authority::~Authority() = default;

Issued Authority::issue(const std::string& name, const std::string& alternative_names,
                        std::chrono::seconds life) const {
  const Key key = make_key();
  const Certificate certificate = begin(name, key.get());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), life.count());
  extend(certificate.get(), NID_subject_alt_name, alternative_names);
  Issued issued;
  issued.certificate = sealed(certificate.get(), keys_->certificate.get(), keys_->key.get());
  issued.key = written(
      [&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  return issued;
}

}  // namespace sluice::test
