// SPDX-License-Identifier: MIT
#include "load/link.hpp"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "load/failure.hpp"

namespace load {

Tls::Tls() : context_(SSL_CTX_new(TLS_client_method())) {
  if (!context_) throw Failure("OpenSSL gives no context");
  SSL_CTX_set_mode(context_.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

Link::Link(Link&& other) noexcept : socket_(std::exchange(other.socket_, -1)), ssl_(std::move(other.ssl_)) {}

Link& Link::operator=(Link&& other) noexcept {
  if (this == &other) return *this;
  reset();
  socket_ = std::exchange(other.socket_, -1);
  ssl_ = std::move(other.ssl_);
  return *this;
}

void Link::reset() noexcept {
  ssl_.reset();
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

Link::Secured Link::secure(const Tls& tls) {
  if (!ssl_) {
    ssl_.reset(SSL_new(tls.context()));
    if (!ssl_ || SSL_set_fd(ssl_.get(), socket_) != 1) throw Failure("OpenSSL gives no connection");
  }
  ERR_clear_error();
  const int done = SSL_connect(ssl_.get());
  if (done == 1) return Secured::yes;
  if (SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ) return Secured::wait;
  throw Failure("the server refused TLS");
}

ssize_t Link::read(std::span<char> into) {
  if (!ssl_) return recv(socket_, into.data(), into.size(), 0);
  ERR_clear_error();
  const int got = SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size()));
  if (got > 0) return got;
  const bool wait = SSL_get_error(ssl_.get(), got) == SSL_ERROR_WANT_READ;
  if (wait) errno = EAGAIN;
  return wait ? -1 : 0;
}

ssize_t Link::write_some(std::string_view bytes) {
  if (!ssl_) return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  ERR_clear_error();
  const int sent = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  if (sent > 0) return sent;
  errno = SSL_get_error(ssl_.get(), sent) == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
  return -1;
}

bool Link::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = write_some(bytes);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno != EAGAIN) return false;
    pollfd writable{socket_, POLLOUT, 0};
    if (poll(&writable, 1, 10'000) == 0) throw Failure("the server has read nothing for 10 seconds");
  }
  return true;
}

}  // namespace load
