// SPDX-License-Identifier: MIT
// The settings of later handshakes: certificates, and OpenSSL's contexts.
#pragma once

#include <openssl/ssl.h>

#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/owned.hpp"
#include "sluice/core/result.hpp"
#include "sluice/net/tls_context.hpp"

namespace sluice::SLUICE_ABI::net {

/// A certificate chain with its key, in files or as PEM texts. A value.
struct TlsCertificate {
  std::string host;  // in lower case; empty: the default
  std::string chain;
  std::string key;
  bool in_files = false;
};

/// Immutable: share freely.
class TlsSettings {
 public:
  using Session = Owned<SSL, SSL_free>;

  /// Reads and checks all of it. The first certificate is the one without a host.
  static Result<std::shared_ptr<const TlsSettings>> load(const std::vector<TlsCertificate>& certificates,
                                                         const TlsOptions& options);
  /// A server's session before its handshake, or null when there is no memory. These settings outlive its handshake.
  Session new_session() const noexcept { return Session(SSL_new(main_.get())); }

 private:
  using Context = Owned<SSL_CTX, SSL_CTX_free>;
  static Result<Context> make_context(const TlsCertificate& certificate, const TlsOptions& options);
  static int choose_host(SSL* session, int* alert, void* settings) noexcept;
  SSL_CTX* context_of(std::string_view host) const;

  Context main_;
  std::map<std::string, Context, std::less<>> hosts_;
};

/// True if its notAfter is past, or cannot be read.
bool has_expired(const X509* certificate, std::time_t now) noexcept;

/// The texts of OpenSSL's errors in this thread, such as "no shared cipher"; clears them.
std::string take_openssl_errors();

}  // namespace sluice::SLUICE_ABI::net
