// SPDX-License-Identifier: MIT
// The bytes of one connection, to the peer and from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <asio/basic_stream_socket.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include "net/moved.hpp"

namespace sluice::net {

class TlsSession;
class TlsSettings;

/// The concrete executor type keeps a socket at 40 bytes and its calls direct.
using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;

/// A TCP connection, in the clear or with TLS. No call blocks; the three waits complete once, on the socket's
/// io_context, and tell of the socket: bytes that TLS holds back are asked for with holds_bytes(). Its executor only.
class Stream {
 public:
  enum class Waiting : std::uint8_t { nothing, bytes, over };
  /// Views beyond so many are left for the next write.
  static constexpr std::size_t gathered_views = 64;

  explicit Stream(TcpSocket socket) noexcept;
  Stream(Stream&&) noexcept;
  ~Stream();

  void start() noexcept;
  /// What follows is TLS. Small writes are gathered in memory that is lent for the time of a call.
  void speak_tls(std::shared_ptr<const TlsSettings> settings, std::span<char> gathering);
  bool speaks_tls() const noexcept { return tls_ != nullptr; }
  /// The TLS part, or null.
  const TlsSession* tls() const noexcept { return tls_.get(); }
  /// What follows, from now on, is in the clear: the peer that failed at TLS is told so.
  void speak_plainly() noexcept;

  Moved read_some(std::span<char> into);
  /// Would read_some bring something, though the socket has nothing?
  bool holds_bytes() const noexcept;
  Moved write_some(std::span<const std::string_view> views);
  /// Has the kernel all that write_some took? If not, a write of nothing goes on with it.
  bool flushed() const noexcept;
  /// Looks without reading. Bytes that wait hide an orderly end behind them, but not a reset.
  Waiting look() noexcept;
  /// Has the connection failed, though bytes wait before the failure?
  bool broken() noexcept;
  /// Says that nothing follows, as TLS says it; TCP says it by shut_down_writing or by close.
  Moved finish();
  /// The peer sees the end; what is still read is no more than bytes. False: there is no connection any more.
  bool shut_down_writing() noexcept;
  void close() noexcept;
  /// Closes so that the kernel keeps nothing either: the peer sees a reset.
  void reset() noexcept;
  /// This end's address; 0.0.0.0:0 when it can't be told.
  asio::ip::tcp::endpoint local_endpoint() const noexcept;

  template <class Handler>
  void wait_to_read(Handler handler) {
    socket_.async_wait(TcpSocket::wait_read, std::move(handler));
  }
  template <class Handler>
  void wait_to_write(Handler handler) {
    socket_.async_wait(TcpSocket::wait_write, std::move(handler));
  }
  template <class Handler>
  void wait_for_loss(Handler handler) {
    socket_.async_wait(TcpSocket::wait_error, std::move(handler));
  }

 private:
  TcpSocket socket_;
  std::unique_ptr<TlsSession> tls_;
};

}  // namespace sluice::net
