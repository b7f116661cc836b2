// SPDX-License-Identifier: MIT
#include "net/socket/tls_session.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <ctime>
#include <new>
#include <utility>

#include "net/socket/system_calls.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

// The most bytes that a peer that reads nothing can make us keep, by requesting handshakes or keys: far more than one
// flight.
constexpr std::size_t most_unsent = 128 * 1024;

std::string to_text(const X509_NAME* name) {
  const Owned<BIO, BIO_free_all> text(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

std::string to_text(const ASN1_STRING* string) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, string);
  if (size < 0) return {};
  std::string text(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return text;
}

std::string last_common_name(const X509_NAME* name) {
  int at = -1;
  for (int next; (next = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0;) at = next;
  return at < 0 ? std::string() : to_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
}

std::string fingerprint_of(const X509* certificate) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  X509_digest(certificate, EVP_sha256(), digest.data(), &size);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += {digits[digest[i] >> 4], digits[digest[i] & 15]};
  return text;
}

}  // namespace

TlsSession::TlsSession(std::shared_ptr<const TlsSettings> settings, int descriptor, std::span<char> gathering)
    : settings_(std::move(settings)),
      session_(settings_->new_session()),
      descriptor_(descriptor),
      gathering_(gathering.first(record_bytes)) {
  BIO* const bio = BIO_new(bio_method());
  if (!session_ || !bio) {
    BIO_free(bio);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(session_.get(), bio, bio);
  SSL_set_accept_state(session_.get());
  // Messages and requests have their own lengths, so many clients end TCP without close_notify (RFC 8446 section 6.1
  // requires it). They can still be answered.
  SSL_set_options(session_.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
}

// --- the descriptor, as OpenSSL sees it. Its own BIO for sockets would raise SIGPIPE.

const BIO_METHOD* TlsSession::bio_method() {
  static const Owned<BIO_METHOD, BIO_meth_free> made = [] {
    Owned<BIO_METHOD, BIO_meth_free> method(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice"));
    if (!method) throw std::bad_alloc();
    BIO_meth_set_read(method.get(), bio_read);
    BIO_meth_set_write(method.get(), bio_write);
    BIO_meth_set_ctrl(method.get(), bio_control);
    return method;
  }();
  return made.get();
}

int TlsSession::bio_read(BIO* bio, char* into, int size) noexcept {
  auto& session = *static_cast<TlsSession*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const auto count =
      uninterrupted([&] { return ::recv(session.descriptor_, into, static_cast<std::size_t>(size), 0); });
  session.drained_ = count < size;
  session.dry_ = count < 0;
  session.at_end_ = count == 0;
  if (count < 0 && would_block()) BIO_set_retry_read(bio);
  return static_cast<int>(count);
}

int TlsSession::bio_write(BIO* bio, const char* bytes, int size) noexcept {
  auto& session = *static_cast<TlsSession*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  return session.send_record({bytes, static_cast<std::size_t>(size)}) ? size : -1;
}

long TlsSession::bio_control(BIO* bio, int command, long, void*) noexcept {
  if (command == BIO_CTRL_EOF) return static_cast<TlsSession*>(BIO_get_data(bio))->at_end_ ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

bool TlsSession::send_record(std::string_view bytes) noexcept {
  while (unsent_.empty()) {
    const ssize_t sent = uninterrupted([&] { return ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    if (sent < 0 && !would_block()) return false;
    if (sent < 0) break;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
    if (bytes.empty()) return true;
  }
  if (unsent_.size() + bytes.size() > most_unsent) return false;
  try {
    unsent_.append(bytes);
  } catch (const std::bad_alloc&) {
    return false;  // OpenSSL calls this, and does not support exceptions
  }
  return true;
}

// False: there is no connection any more.
bool TlsSession::flush() noexcept {
  std::string_view left = unsent_;
  while (!left.empty()) {
    const ssize_t sent = uninterrupted([&] { return ::send(descriptor_, left.data(), left.size(), MSG_NOSIGNAL); });
    if (sent < 0 && !would_block()) return false;
    if (sent < 0) break;
    left.remove_prefix(static_cast<std::size_t>(sent));
  }
  unsent_.erase(0, unsent_.size() - left.size());
  if (unsent_.empty()) std::exchange(unsent_, {});
  return true;
}

// --- plain bytes

IoResult TlsSession::read_some(std::span<char> into) {
  if (end_) return {0, *end_};
  drained_ = false;  // what an earlier read found may be out of date
  std::size_t total = 0;
  while (total < into.size()) {
    ERR_clear_error();
    std::size_t count = 0;
    dry_ = false;
    const int result = SSL_read_ex(session_.get(), into.data() + total, into.size() - total, &count);
    if (result != 1) {
      const IoResult end = stopped(result);
      if (end.status == IoStatus::ended || end.status == IoStatus::failed) end_ = end.status;
      return {total,
              total > 0 && end_ ? IoStatus::would_block : end.status};  // bytes before an end are delivered first
    }
    total += count;
    if (drained_ && SSL_has_pending(session_.get()) == 0) return {total, IoStatus::would_block};
  }
  return {total, IoStatus::ok};
}

IoResult TlsSession::stopped(int result) {
  const int why = SSL_get_error(session_.get(), result);
  // OpenSSL comes back after each record that carries no bytes of ours, whether or not there are more.
  if (why == SSL_ERROR_WANT_READ) return {0, dry_ ? IoStatus::would_block : IoStatus::ok};
  if (why == SSL_ERROR_ZERO_RETURN) return {0, IoStatus::ended};
  if (why == SSL_ERROR_SSL) {
    spoke_http_ = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
    failure_ = take_openssl_errors();
  }
  return {0, IoStatus::failed};
}

IoResult TlsSession::write_some(std::span<const std::string_view> views) {
  if (!flush()) return {0, IoStatus::failed};
  if (!flushed()) return {0, IoStatus::would_block};
  if (views.empty()) return {};
  if (!failure_.empty()) return {0, IoStatus::failed};
  std::string_view record = views.front().substr(0, record_bytes);
  if (views.size() > 1 && record.size() < record_bytes) {
    std::size_t gathered = 0;
    for (const std::string_view view : views) {
      const std::size_t count = std::min(view.size(), gathering_.size() - gathered);
      std::memcpy(gathering_.data() + gathered, view.data(), count);
      gathered += count;
    }
    record = {gathering_.data(), gathered};
  }
  ERR_clear_error();
  std::size_t count = 0;
  const int result = SSL_write_ex(session_.get(), record.data(), record.size(), &count);
  if (result != 1) {  // it never has to wait: the handshake is over before there is anything to write
    (void)stopped(result);
    return {0, IoStatus::failed};
  }
  return {count, flushed() ? IoStatus::ok : IoStatus::would_block};
}

IoResult TlsSession::finish() {
  const bool established = failure_.empty() && SSL_is_init_finished(session_.get());
  if (established && !(SSL_get_shutdown(session_.get()) & SSL_SENT_SHUTDOWN)) {
    ERR_clear_error();
    if (SSL_shutdown(session_.get()) < 0) return {0, IoStatus::failed};
  }
  if (!flush()) return {0, IoStatus::failed};
  return {0, flushed() ? IoStatus::ok : IoStatus::would_block};
}

bool TlsSession::client_certificate_expired() const noexcept {
  const X509* const certificate = SSL_get0_peer_certificate(session_.get());
  return certificate && has_expired(certificate, std::time(nullptr));
}

std::optional<ClientCertificate> TlsSession::client_certificate() const {
  const Owned<X509, X509_free> certificate(SSL_get1_peer_certificate(session_.get()));
  if (!certificate || SSL_get_verify_result(session_.get()) != X509_V_OK) return std::nullopt;
  ClientCertificate shown;
  shown.subject = to_text(X509_get_subject_name(certificate.get()));
  shown.common_name = last_common_name(X509_get_subject_name(certificate.get()));
  shown.issuer = to_text(X509_get_issuer_name(certificate.get()));
  shown.fingerprint = fingerprint_of(certificate.get());
  std::tm not_after{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &not_after) == 1) {
    shown.not_after = std::chrono::system_clock::from_time_t(::timegm(&not_after));
  }
  using Names = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;
  const Names names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    switch (name->type) {
      case GEN_DNS: shown.dns_names.push_back(to_text(name->d.dNSName)); break;
      case GEN_EMAIL: shown.emails.push_back(to_text(name->d.rfc822Name)); break;
      case GEN_URI: shown.uris.push_back(to_text(name->d.uniformResourceIdentifier)); break;
      default: break;
    }
  }
  return shown;
}

}  // namespace sluice::SLUICE_ABI::net
