// SPDX-License-Identifier: MIT
#include "net/stream.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>

#include <asio/socket_base.hpp>

#include "net/system_calls.hpp"
#include "net/tls_session.hpp"

namespace sluice::net {
namespace {

using Then = Moved::Then;

}  // namespace

Stream::Stream(TcpSocket socket) noexcept : socket_(std::move(socket)) {}
Stream::Stream(Stream&&) noexcept = default;
Stream::~Stream() = default;

void Stream::start() noexcept {
  std::error_code ignored;  // a socket that refuses its options will fail its first read too
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

void Stream::speak_tls(std::shared_ptr<const TlsSettings> settings, std::span<char> gathering) {
  tls_ = std::make_unique<TlsSession>(std::move(settings), socket_.native_handle(), gathering);
}

void Stream::speak_plainly() noexcept { tls_.reset(); }

bool Stream::holds_bytes() const noexcept { return tls_ && tls_->holds_bytes(); }

bool Stream::flushed() const noexcept { return !tls_ || tls_->flushed(); }

Moved Stream::finish() { return tls_ ? tls_->finish() : Moved(); }

Moved Stream::read_some(std::span<char> into) {
  if (tls_) return tls_->read_some(into);
  const int descriptor = socket_.native_handle();
  const ssize_t count = uninterrupted([&] { return ::recv(descriptor, into.data(), into.size(), 0); });
  if (count > 0) {
    const auto bytes = static_cast<std::size_t>(count);
    return {bytes, bytes < into.size() ? Then::wait : Then::go_on};
  }
  return {0, count < 0 && would_block() ? Then::wait : Then::over};
}

Moved Stream::write_some(std::span<const std::string_view> views) {
  if (tls_) return tls_->write_some(views);
  const int descriptor = socket_.native_handle();
  std::size_t offered = views[0].size();
  ssize_t count;
  if (views.size() == 1) {
    count = uninterrupted([&] { return ::send(descriptor, views[0].data(), views[0].size(), MSG_NOSIGNAL); });
  } else {
    std::array<iovec, gathered_views> buffers;
    const std::size_t gathered = std::min(views.size(), buffers.size());
    offered = 0;
    for (std::size_t i = 0; i < gathered; ++i) {
      buffers[i] = {const_cast<char*>(views[i].data()), views[i].size()};
      offered += views[i].size();
    }
    msghdr message{};
    message.msg_iov = buffers.data();
    message.msg_iovlen = gathered;
    count = uninterrupted([&] { return ::sendmsg(descriptor, &message, MSG_NOSIGNAL); });
  }
  if (count < 0) return {0, would_block() ? Then::wait : Then::over};
  const auto bytes = static_cast<std::size_t>(count);
  return {bytes, bytes < offered ? Then::wait : Then::go_on};
}

Stream::Waiting Stream::look() noexcept {
  char byte;
  const int descriptor = socket_.native_handle();
  const ssize_t count = uninterrupted([&] { return ::recv(descriptor, &byte, 1, MSG_PEEK); });
  if (count > 0) return Waiting::bytes;
  return count < 0 && would_block() ? Waiting::nothing : Waiting::over;
}

bool Stream::broken() noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0;
}

bool Stream::shut_down_writing() noexcept {
  tls_.reset();
  std::error_code error;
  socket_.shutdown(TcpSocket::shutdown_send, error);
  return !error;
}

void Stream::close() noexcept {
  std::error_code ignored;  // the descriptor is closed either way
  socket_.close(ignored);
}

void Stream::reset() noexcept {
  std::error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  close();
}

asio::ip::tcp::endpoint Stream::local_endpoint() const noexcept {
  std::error_code error;
  const auto endpoint = socket_.local_endpoint(error);
  return error ? asio::ip::tcp::endpoint() : endpoint;
}

}  // namespace sluice::net
