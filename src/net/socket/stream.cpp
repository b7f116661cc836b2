// SPDX-License-Identifier: MIT
#include "net/socket/stream.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "net/socket/system_calls.hpp"
#include "net/socket/tls_session.hpp"

namespace sluice::SLUICE_ABI::net {
Stream::Stream(int descriptor) noexcept : descriptor_(descriptor) {}
Stream::Stream(Stream&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), tls_(std::move(other.tls_)) {}
Stream::~Stream() { close(); }

void Stream::start() noexcept {
  const int on = 1;  // a socket that refuses its options will fail its first read too
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void Stream::speak_tls(std::shared_ptr<const TlsSettings> settings, std::span<char> gathering) {
  tls_ = std::make_unique<TlsSession>(std::move(settings), descriptor_, gathering);
}

void Stream::speak_plainly() noexcept { tls_.reset(); }

bool Stream::end_is_next() const noexcept { return tls_ && tls_->end_is_next(); }

bool Stream::tls_flushed() const noexcept { return tls_->flushed(); }

IoResult Stream::finish() { return tls_ ? tls_->finish() : IoResult(); }

IoResult Stream::read_some(std::span<char> into) {
  if (tls_) return tls_->read_some(into);
  const ssize_t count = uninterrupted([&] { return ::recv(descriptor_, into.data(), into.size(), 0); });
  if (count > 0) {
    const auto bytes = static_cast<std::size_t>(count);
    return {bytes, bytes < into.size() ? IoStatus::would_block : IoStatus::ok};
  }
  if (count == 0) return {0, IoStatus::ended};
  return {0, would_block() ? IoStatus::would_block : IoStatus::failed};
}

IoResult Stream::write_some(std::span<const std::string_view> views) {
  if (tls_) return tls_->write_some(views);
  ssize_t count;
  if (views.size() == 1) {
    count = uninterrupted([&] { return ::send(descriptor_, views[0].data(), views[0].size(), MSG_NOSIGNAL); });
  } else {
    std::array<iovec, gathered_views> buffers;
    const std::size_t gathered = std::min(views.size(), buffers.size());
    for (std::size_t i = 0; i < gathered; ++i) {
      buffers[i] = {const_cast<char*>(views[i].data()), views[i].size()};
    }
    msghdr message{};
    message.msg_iov = buffers.data();
    message.msg_iovlen = gathered;
    count = uninterrupted([&] { return ::sendmsg(descriptor_, &message, MSG_NOSIGNAL); });
  }
  if (count < 0) return {0, would_block() ? IoStatus::would_block : IoStatus::failed};
  return {static_cast<std::size_t>(count), IoStatus::ok};
}

Stream::Waiting Stream::look() noexcept {
  char byte;
  const ssize_t count = uninterrupted([&] { return ::recv(descriptor_, &byte, 1, MSG_PEEK); });
  if (count > 0) return Waiting::bytes;
  if (count == 0) return Waiting::ended;
  return would_block() ? Waiting::nothing : Waiting::over;
}

IoResult Stream::peek(std::span<char> into) noexcept {
  const ssize_t count = uninterrupted([&] { return ::recv(descriptor_, into.data(), into.size(), MSG_PEEK); });
  if (count > 0) return {static_cast<std::size_t>(count), IoStatus::ok};
  if (count == 0) return {0, IoStatus::ended};
  return {0, would_block() ? IoStatus::would_block : IoStatus::failed};
}

void Stream::drop(std::span<char> seen) noexcept {
  uninterrupted([&] { return ::recv(descriptor_, seen.data(), seen.size(), 0); });
}

bool Stream::broken() noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0;
}

std::size_t Stream::unacknowledged() const noexcept {
  int bytes = 0;
  return ::ioctl(descriptor_, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

std::optional<TcpProgress> Stream::tcp_progress() const noexcept {
  // The kernel's tcp_info up to and with tcpi_bytes_acked, which the C library's does not have.
  constexpr std::size_t last_ack_recv = 56, bytes_acked = 120, all = 128;
  std::array<char, all> info;
  socklen_t size = info.size();
  if (::getsockopt(descriptor_, IPPROTO_TCP, TCP_INFO, info.data(), &size) != 0 || size < all) return std::nullopt;
  std::uint32_t since_ack = 0;
  TcpProgress progress{unacknowledged(), 0, {}};
  std::memcpy(&since_ack, info.data() + last_ack_recv, sizeof since_ack);
  std::memcpy(&progress.acknowledged, info.data() + bytes_acked, sizeof progress.acknowledged);
  progress.since_ack = std::chrono::milliseconds(since_ack);
  return progress;
}

bool Stream::shut_down_writing() noexcept {
  tls_.reset();
  return ::shutdown(descriptor_, SHUT_WR) == 0;
}

void Stream::close() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void Stream::reset() noexcept {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

asio::ip::tcp::endpoint Stream::local_endpoint() const noexcept {
  asio::ip::tcp::endpoint endpoint;
  auto size = static_cast<socklen_t>(endpoint.capacity());
  if (::getsockname(descriptor_, endpoint.data(), &size) != 0) return {};
  const int family = endpoint.data()->sa_family;
  if (family != AF_INET && family != AF_INET6) return {};  // a Unix socket that was adopted
  endpoint.resize(size);
  return endpoint;
}

}  // namespace sluice::SLUICE_ABI::net
