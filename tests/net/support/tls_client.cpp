// SPDX-License-Identifier: MIT
#include "net/support/tls_client.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

namespace sluice::test {
namespace {

using Bio = sluice::Owned<BIO, BIO_free_all>;
using Certificate = sluice::Owned<X509, X509_free>;

Bio reader_of(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

Certificate certificate_of(const std::string& pem) {
  return Certificate(PEM_read_bio_X509(reader_of(pem).get(), nullptr, nullptr, nullptr));
}

}  // namespace

TlsClient::TlsClient(std::uint16_t port, const Options& options)
    : BlockingClient(port, options.receive_buffer),
      context_(SSL_CTX_new(TLS_client_method())),
      before_(options.before),
      bytewise_(options.bytewise) {
  SSL_CTX* const context = context_.get();
  if (options.version) {
    SSL_CTX_set_security_level(context, 0);  // or nothing old is even tried
    SSL_CTX_set_min_proto_version(context, options.version);
    SSL_CTX_set_max_proto_version(context, options.version);
  }
  if (!options.authority.empty()) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate_of(options.authority).get());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }
  if (options.identity) {
    SSL_CTX_use_certificate(context, certificate_of(options.identity->certificate).get());
    const sluice::Owned<EVP_PKEY, EVP_PKEY_free> key(
        PEM_read_bio_PrivateKey(reader_of(options.identity->key).get(), nullptr, nullptr, nullptr));
    SSL_CTX_use_PrivateKey(context, key.get());
  }
  session_.reset(SSL_new(context));
  SSL* const session = session_.get();
  if (!options.host.empty()) SSL_set_tlsext_host_name(session, options.host.c_str());
  if (!options.protocols.empty()) {
    SSL_set_alpn_protos(session, reinterpret_cast<const unsigned char*>(options.protocols.data()),
                        static_cast<unsigned>(options.protocols.size()));
  }
  if (options.resumed) SSL_set_session(session, options.resumed);
  SSL_set_bio(session, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(session);
}

std::string TlsClient::shake_hands() {
  while (!SSL_is_init_finished(session_.get()) && failure_.empty()) {
    char nothing;
    ERR_clear_error();
    const int result = SSL_do_handshake(session_.get());
    const int why = SSL_get_error(session_.get(), result);
    if (why == SSL_ERROR_SSL) failure_ = net::take_openssl_errors();
    send_raw(std::exchange(before_, {}) + take_sealed());
    if (result == 1 || !failure_.empty()) break;
    if (get({&nothing, 0}) <= 0 && failure_.empty()) failure_ = "the connection ended";
  }
  return failure_;
}

std::string TlsClient::server_name() const {
  const Certificate certificate(SSL_get1_peer_certificate(session_.get()));
  const Bio text(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate.get()), 0, XN_FLAG_RFC2253);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

void TlsClient::close_notify() {
  SSL_shutdown(session_.get());
  send_raw(take_sealed());
}

std::string TlsClient::take_sealed() {
  std::string sealed(BIO_ctrl_pending(SSL_get_wbio(session_.get())), '\0');
  if (!sealed.empty()) BIO_read(SSL_get_wbio(session_.get()), sealed.data(), static_cast<int>(sealed.size()));
  return sealed;
}

std::string TlsClient::seal(std::string_view bytes) {
  if (!shake_hands().empty()) return {};
  while (!bytes.empty()) {
    std::size_t written = 0;
    if (SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &written) != 1) return {};
    bytes.remove_prefix(written);
  }
  return take_sealed();
}

bool TlsClient::send_raw(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = BlockingClient::put(bytewise_ ? bytes.substr(0, 1) : bytes);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

ssize_t TlsClient::put(std::string_view bytes) {
  const std::string sealed = seal(bytes);
  return !sealed.empty() && send_raw(sealed) ? static_cast<ssize_t>(bytes.size()) : -1;
}

// With room for nothing it only takes what the network brings.
ssize_t TlsClient::get(std::span<char> into) {
  if (!into.empty() && !shake_hands().empty()) {
    errno = ECONNRESET;
    return -1;
  }
  for (;;) {
    if (!into.empty()) {
      ERR_clear_error();
      const int count = SSL_read(session_.get(), into.data(), static_cast<int>(into.size()));
      if (count > 0) return count;
      const int why = SSL_get_error(session_.get(), count);
      send_raw(take_sealed());
      if (why == SSL_ERROR_ZERO_RETURN) return 0;
      if (why != SSL_ERROR_WANT_READ) {
        failure_ = net::take_openssl_errors();
        errno = ECONNRESET;
        return -1;
      }
    }
    char raw[16 * 1024];
    const ssize_t came = BlockingClient::get(raw);
    if (came <= 0) return came;
    BIO_write(SSL_get_rbio(session_.get()), raw, static_cast<int>(came));
    if (into.empty()) return came;
  }
}

}  // namespace sluice::test
