// SPDX-License-Identifier: MIT
#include "net/socket/tls_settings.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "core/ascii.hpp"

namespace sluice::SLUICE_ABI::net {
namespace {

using Bio = Owned<BIO, BIO_free_all>;
using Certificate = Owned<X509, X509_free>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;

constexpr std::string_view session_scope = "sluice";
constexpr std::string_view protocol = "\x08http/1.1";  // as ALPN writes it: its length in front

Error failed(std::string_view what) {
  return Error(ErrorCode::invalid_argument, fmt::format("tls: {}: {}", what, take_openssl_errors()));
}

// Far more than certificates need, and little enough that an endless file cannot fill the memory.
constexpr std::size_t most_file_bytes = 16 * 1024 * 1024;

Result<std::string> read_file(const std::string& path) {
  const auto fail = [&path](std::string_view why) {
    return Error(ErrorCode::io_failed, fmt::format("tls: read \"{}\": {}", path, why));
  };
  const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (!file) return fail(std::generic_category().message(errno));
  std::string text;
  std::array<char, 16 * 1024> piece;
  while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), file.get())) {
    text.append(piece.data(), count);
    if (text.size() > most_file_bytes) return fail("it is no certificate: it has more than 16 MiB");
  }
  if (std::ferror(file.get())) return fail(std::generic_category().message(errno));
  return text;
}

// The source of a certificate or a key, for error messages.
std::string named(std::string_view what, const std::string& path) {
  return path.empty() ? std::string(what) : fmt::format("{} \"{}\"", what, path);
}

Bio reader_of(const std::string& text) noexcept {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Without this OpenSSL prompts at the terminal.
int no_passphrase(char*, int, int, void*) noexcept { return -1; }

Result<std::vector<Certificate>> read_certificates(const std::string& pem, const std::string& name) {
  std::vector<Certificate> found;
  const Bio reader = reader_of(pem);
  while (X509* next = PEM_read_bio_X509_AUX(reader.get(), nullptr, no_passphrase, nullptr)) found.emplace_back(next);
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (found.empty() || !at_end) return failed(name);
  ERR_clear_error();
  return found;
}

Result<void> use_certificate(SSL_CTX* context, const TlsCertificate& certificate) {
  std::string chain_text = certificate.chain, key_text = certificate.key;
  if (certificate.in_files) {
    auto chain_read = read_file(certificate.chain);
    if (!chain_read) return chain_read.error();
    auto key_read = read_file(certificate.key);
    if (!key_read) return key_read.error();
    chain_text = std::move(*chain_read);
    key_text = std::move(*key_read);
  }
  const std::string chain_name = named("the certificate chain", certificate.in_files ? certificate.chain : "");
  const std::string key_name = named("the key", certificate.in_files ? certificate.key : "");
  auto chain = read_certificates(chain_text, chain_name);
  if (!chain) return chain.error();
  if (SSL_CTX_use_certificate(context, chain->front().get()) != 1) return failed(chain_name);
  for (std::size_t i = 1; i < chain->size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) != 1) return failed(chain_name);
  }
  const Key key(PEM_read_bio_PrivateKey(reader_of(key_text).get(), nullptr, no_passphrase, nullptr));
  if (!key) return failed(key_name);
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) return failed(key_name);
  if (SSL_CTX_check_private_key(context) != 1) return failed(key_name);
  return {};
}

Result<void> ask_clients(SSL_CTX* context, const TlsOptions& options) {
  if (options.clients == TlsOptions::Clients::anonymous) return {};
  std::string text = options.client_authorities;
  if (!options.client_authorities_file.empty()) {
    auto read = read_file(options.client_authorities_file);
    if (!read) return read.error();
    text += *read;
  }
  const std::string name = named("the client authorities", options.client_authorities_file);
  auto authorities = read_certificates(text, name);
  if (!authorities) return authorities.error();
  for (const Certificate& authority : *authorities) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) != 1) return failed(name);
    if (SSL_CTX_add_client_CA(context, authority.get()) != 1) return failed(name);
  }
  const bool must = options.clients == TlsOptions::Clients::must_identify;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (must ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return {};
}

// Of a client that offers protocols, one must be ours (RFC 7301 section 3.2).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                    unsigned int offered_size, void*) noexcept {
  const auto* const ours = reinterpret_cast<const unsigned char*>(protocol.data());
  unsigned char* match = nullptr;
  const int found = SSL_select_next_proto(&match, chosen_size, ours, protocol.size(), offered, offered_size);
  *chosen = match;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// --- tickets. OpenSSL renews them with each handshake under TLS 1.3, which would carry an identity on for ever.

constexpr std::chrono::seconds longest_resumption = std::chrono::hours(7 * 24);  // RFC 8446 section 4.6.1

// Notes in the ticket when the full handshake was. A session that was resumed has that note already.
int note_full_handshake(SSL* session, void*) noexcept {
  if (SSL_session_reused(session)) return 1;
  const std::int64_t now = std::time(nullptr);
  return SSL_SESSION_set1_ticket_appdata(SSL_get_session(session), &now, sizeof now);
}

bool may_resume(SSL_SESSION* session, std::chrono::seconds resumable_for) noexcept {
  void* note = nullptr;
  std::size_t size = 0;
  std::int64_t noted = 0;
  if (SSL_SESSION_get0_ticket_appdata(session, &note, &size) != 1 || size != sizeof noted) return false;
  std::memcpy(&noted, note, sizeof noted);
  const std::time_t now = std::time(nullptr);
  if (now < noted || now - noted >= resumable_for.count()) return false;
  const X509* const client = SSL_SESSION_get0_peer(session);
  return !client || !has_expired(client, now);
}

// A ticket that is ignored leads to a full handshake, in which the client shows its certificate.
SSL_TICKET_RETURN judge_ticket(SSL*, SSL_SESSION* session, const unsigned char*, std::size_t, SSL_TICKET_STATUS status,
                               void* resumable_for) noexcept {
  const bool opened = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
  if (!opened || !may_resume(session, std::chrono::seconds(reinterpret_cast<std::intptr_t>(resumable_for)))) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  }
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

Result<void> give_tickets(SSL_CTX* context, std::chrono::seconds resumable_for) {
  if (resumable_for.count() < 0 || resumable_for > longest_resumption) {
    return Error(ErrorCode::invalid_argument, "tls: resumable_for can't be negative or above 7 days");
  }
  if (resumable_for.count() == 0) {
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    return {};
  }
  SSL_CTX_set_num_tickets(context, 1);  // a WebSocket's client reconnects once
  SSL_CTX_set_session_ticket_cb(context, note_full_handshake, judge_ticket,
                                reinterpret_cast<void*>(static_cast<std::intptr_t>(resumable_for.count())));
  return {};
}

}  // namespace

bool has_expired(const X509* certificate, std::time_t now) noexcept {
  return X509_cmp_time(X509_get0_notAfter(certificate), &now) <= 0;
}

std::string take_openssl_errors() {
  std::string texts;
  while (const unsigned long error = ERR_get_error()) {
    const char* const reason = ERR_reason_error_string(error);
    if (!texts.empty()) texts += ", ";
    texts += reason ? std::string(reason) : fmt::format("error {:x}", error);
  }
  return texts.empty() ? "unknown" : texts;
}

Result<TlsSettings::Context> TlsSettings::make_context(const TlsCertificate& certificate, const TlsOptions& options) {
  ERR_clear_error();
  Context made(SSL_CTX_new(TLS_server_method()));
  if (!made) return failed("a context");
  SSL_CTX* const context = made.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA);
  // All of them have forward secrecy; if the server chooses, the first is the cheapest.
  constexpr const char* tls_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20";
  constexpr const char* tls_1_3 = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";
  if (SSL_CTX_set_cipher_list(context, tls_1_2) != 1 || SSL_CTX_set_ciphersuites(context, tls_1_3) != 1) {
    return failed("the ciphers");
  }
  // An idle connection keeps no buffer; a burst of small records is one read.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  // A read comes back after records that carry no data, so that a flood of them does not hold the thread.
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  // A returning client sends a ticket that the server has sealed, so that the server keeps nothing.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(session_scope.data()),
                                 session_scope.size());
  if (auto given = give_tickets(context, options.resumable_for); !given) return given.error();
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  if (auto used = use_certificate(context, certificate); !used) return used.error();
  if (auto asked = ask_clients(context, options); !asked) return asked.error();
  return made;
}

Result<std::shared_ptr<const TlsSettings>> TlsSettings::load(const std::vector<TlsCertificate>& certificates,
                                                             const TlsOptions& options) {
  auto settings = std::make_shared<TlsSettings>();
  for (const TlsCertificate& certificate : certificates) {
    auto context = make_context(certificate, options);
    if (!context) return context.error();
    if (certificate.host.empty()) {
      settings->main_ = std::move(*context);
    } else {
      settings->hosts_[certificate.host] = std::move(*context);
    }
  }
  SSL_CTX_set_tlsext_servername_callback(settings->main_.get(), choose_host);
  SSL_CTX_set_tlsext_servername_arg(settings->main_.get(), settings.get());
  return std::shared_ptr<const TlsSettings>(std::move(settings));
}

int TlsSettings::choose_host(SSL* session, int*, void* settings) noexcept {
  const char* const host = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
  if (!host) return SSL_TLSEXT_ERR_NOACK;
  SSL_CTX* const context = static_cast<const TlsSettings*>(settings)->context_of(host);
  if (!context) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_SSL_CTX(session, context);
  return SSL_TLSEXT_ERR_OK;
}

SSL_CTX* TlsSettings::context_of(std::string_view host) const {
  std::string name = lower_case(host);
  if (const auto exact = hosts_.find(name); exact != hosts_.end()) return exact->second.get();
  const auto dot = name.find('.');
  if (dot == name.npos || dot == 0) return nullptr;
  const auto any = hosts_.find(name.replace(0, dot, "*"));
  return any == hosts_.end() ? nullptr : any->second.get();
}

}  // namespace sluice::SLUICE_ABI::net
