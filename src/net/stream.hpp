// SPDX-License-Identifier: MIT
// The bytes of one connection, to the peer and from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include <asio/basic_stream_socket.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

namespace sluice::net {

/// The concrete executor type keeps a socket at 40 bytes and its calls direct.
using TcpSocket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;

/// A TCP connection. No call blocks; the three waits complete once, on the socket's io_context. Its executor only.
class Stream {
 public:
  /// What a read or a write came to.
  struct Moved {
    enum class Then : std::uint8_t {
      go_on,  // it went well, and may be repeated at once
      wait,   // for bytes to come, or for room to write
      over,   // the peer's end, or a failure; no byte was moved
    };
    std::size_t bytes = 0;
    Then then = Then::go_on;
  };
  enum class Waiting : std::uint8_t { nothing, bytes, over };
  /// Views beyond so many are left for the next write.
  static constexpr std::size_t gathered_views = 64;

  explicit Stream(TcpSocket socket) noexcept : socket_(std::move(socket)) {}

  void start() noexcept;
  Moved read_some(std::span<char> into) noexcept;
  Moved write_some(std::span<const std::string_view> views) noexcept;
  /// Looks without reading. Bytes that wait hide an orderly end behind them, but not a reset.
  Waiting look() noexcept;
  /// Copies what waits to be read, and leaves it there. For what stands in front of everything else, a
  /// TLS handshake too.
  Moved peek(std::span<char> into) noexcept;
  /// Takes bytes off that peek() has shown.
  void drop(std::span<char> seen) noexcept;
  /// Has the connection failed, though bytes wait before the failure?
  bool broken() noexcept;
  /// Says that nothing follows. False: there is no connection any more.
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
};

}  // namespace sluice::net
