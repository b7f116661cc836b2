// SPDX-License-Identifier: MIT
// The bytes of one connection: a socket that does not block, bare or under TLS
#pragma once

#include <openssl/ssl.h>
#include <sys/types.h>

#include <memory>
#include <span>
#include <string_view>

namespace load {

/// What all clients' TLS has in common. No certificate is checked: it is the server's cost that is of interest.
class Tls {
 public:
  Tls();
  SSL_CTX* context() const noexcept { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
};

/// Owns the socket. One thread at a time.
class Link {
 public:
  enum class Secured : std::uint8_t { yes, wait };

  Link() noexcept = default;
  explicit Link(int socket) noexcept : socket_(socket) {}
  Link(Link&& other) noexcept;
  Link& operator=(Link&& other) noexcept;
  ~Link() { reset(); }

  int socket() const noexcept { return socket_; }
  /// Begins TLS or goes on with it; when the server has answered, again. Fails with a Failure.
  Secured secure(const Tls& tls);
  /// As recv(): 0 at the end, -1 with EAGAIN when there is no more for now.
  ssize_t read(std::span<char> into);
  /// Under TLS a read may leave what the socket no longer tells of: read on until there is no more.
  bool reads_on() const noexcept { return ssl_ != nullptr; }
  /// All of it; waits while the socket is full. False: the server has ended the connection.
  bool write(std::string_view bytes);

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  void reset() noexcept;
  ssize_t write_some(std::string_view bytes);

  int socket_ = -1;
  std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace load
