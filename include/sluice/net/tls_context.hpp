// SPDX-License-Identifier: MIT
// TLS for a server: certificates with their keys, and the rules for clients' certificates.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sluice/abi.hpp"
#include "sluice/core/result.hpp"

namespace sluice::SLUICE_ABI {

namespace net {
class TlsSettings;
}

/// Whether clients show a certificate. A value.
struct TlsOptions {
  enum class Clients {
    anonymous,      // no certificate is requested
    may_identify,   // requested; none is accepted, one that none of the authorities has signed ends the handshake
    must_identify,  // without a certificate no handshake
  };
  Clients clients = Clients::anonymous;
  // The authorities that sign clients' certificates, as PEM: a text, or a file that reload() reads again.
  std::string client_authorities;
  std::string client_authorities_file;
  /// How long after its full handshake a client may resume with a session ticket, however often it was renewed (RFC
  /// 8446 section 4.6.1); 0: no tickets. A week at most. A ticket never outlives the client's certificate.
  std::chrono::seconds resumable_for = std::chrono::hours(24);
};

/// The verified certificate of a client, signed by one of the authorities. In its scope:
///
///     if (const auto* who = scope.find<ClientCertificate>()) log_in(who->common_name);
///
/// A value.
struct ClientCertificate {
  std::string subject;                 // RFC 2253: "CN=ann,O=Example"
  std::string common_name;             // the subject's last CN; may be empty
  std::string issuer;                  // RFC 2253
  std::string fingerprint;             // SHA-256 of the certificate, 64 hexadecimal digits in lower case
  std::vector<std::string> dns_names;  // of the subject alternative names
  std::vector<std::string> emails;
  std::vector<std::string> uris;
  /// From then on a request over the connection is refused with 403, and the next handshake fails. An open WebSocket
  /// stays: end it then, or give it a ServerLimits::lifetime.
  std::chrono::system_clock::time_point not_after;
};

/// Certificates for AsioServer::listen. TLS 1.2 and 1.3 with forward secrecy and nothing else; ALPN `http/1.1`.
///
///     auto tls = TlsContext::from_files("chain.pem", "key.pem");
///     if (!tls) return fail(tls.error().message());
///     auto listening = server.listen("0.0.0.0", 443, *tls);
///     ...
///     if (auto renewed = tls->reload(); !renewed) log_it(renewed.error().message());
///
/// Copies are the same context. Functions that change it read and check everything first, so that a failure, io_failed
/// or invalid_argument, changes nothing. A change applies to later handshakes; open connections are not affected. Any
/// thread; files are read in the calling one.
class SLUICE_API TlsContext {
 public:
  /// PEM files: the server's certificate followed by its chain, and its key without a passphrase.
  static Result<TlsContext> from_files(std::string certificate_chain, std::string key, TlsOptions options = {});
  /// The same as PEM texts.
  static Result<TlsContext> from_pem(std::string certificate_chain, std::string key, TlsOptions options = {});

  /// Another certificate for clients that ask for this host (SNI): "b.example", or "*.example" for one label more. A
  /// host that was added before gets the new one. Clients that name no host or an unknown one get the first
  /// certificate.
  Result<void> add_host_files(std::string host, std::string certificate_chain, std::string key);
  Result<void> add_host_pem(std::string host, std::string certificate_chain, std::string key);

  /// Reads all files again.
  Result<void> reload();
  /// Replaces the first certificate.
  Result<void> replace_pem(std::string certificate_chain, std::string key);

  /// For the server: the settings of the next handshake.
  std::shared_ptr<const net::TlsSettings> settings() const;

 private:
  class State;
  explicit TlsContext(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace sluice::SLUICE_ABI
