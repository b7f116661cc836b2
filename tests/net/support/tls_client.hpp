// SPDX-License-Identifier: MIT
// A client with TLS that gives a test access to the records.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <string_view>

#include "net/socket/tls_settings.hpp"
#include "net/support/certificates.hpp"
#include "support/blocking_client.hpp"

namespace sluice::test {

class TlsClient : public BlockingClient {
 public:
  struct Options {
    std::string authority;  // PEM of the one that must have signed the server's certificate; empty: anybody
    std::string host;       // asked for by SNI
    std::string protocols;  // ALPN as it is on the wire: "\x02h2\x08http/1.1"
    int version = 0;        // TLS1_2_VERSION for instance, and no other
    std::string before;     // sent in the clear, right in front of the first record
    const Issued* identity = nullptr;
    SSL_SESSION* resumed = nullptr;
    bool bytewise = false;  // each byte is a segment of its own
    int receive_buffer = 0;
  };

  explicit TlsClient(std::uint16_t port) : TlsClient(port, Options()) {}
  TlsClient(std::uint16_t port, const Options& options);
  TlsClient(TlsClient&&) = default;

  /// Empty, or why there is no TLS. Everything else does it first.
  std::string shake_hands();
  SSL* session() noexcept { return session_.get(); }
  /// The server's certificate: "CN=localhost,O=Sluice".
  std::string server_name() const;
  /// Says that nothing follows.
  void close_notify();
  /// Has the server said so?
  bool server_closed() const noexcept { return SSL_get_shutdown(session_.get()) & SSL_RECEIVED_SHUTDOWN; }
  /// What TLS found wrong with what came; empty if nothing.
  const std::string& failure() const noexcept { return failure_; }

  /// The records of these bytes, not sent.
  std::string seal(std::string_view bytes);
  /// Sends bytes that are records already, or are not.
  bool send_raw(std::string_view bytes);

 protected:
  ssize_t put(std::string_view bytes) override;
  ssize_t get(std::span<char> into) override;

 private:
  std::string take_sealed();

  sluice::Owned<SSL_CTX, SSL_CTX_free> context_;
  sluice::Owned<SSL, SSL_free> session_;
  std::string before_;
  std::string failure_;
  bool bytewise_;
};

}  // namespace sluice::test
