// SPDX-License-Identifier: MIT
// The bytes of one connection, to the peer and from it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <asio/ip/tcp.hpp>

#include "net/limits/keep_alive.hpp"
#include "net/socket/io_result.hpp"

namespace sluice::SLUICE_ABI::net {

class TlsSession;
class TlsSettings;

/// A TCP connection, in the clear or with TLS. No call blocks. Its executor only.
///
/// What a Poller tells of is the socket: a read or a write may be repeated until it returns `would_block`, and from
/// then on the socket tells when it is worth while again. A short count means that there is no more for now.
class Stream {
 public:
  enum class Waiting : std::uint8_t { nothing, bytes, ended, over };
  /// Views beyond so many are left for the next write.
  static constexpr std::size_t gathered_views = 64;

  /// Takes over a descriptor that does not block.
  explicit Stream(int descriptor) noexcept;
  Stream(Stream&& other) noexcept;
  ~Stream();

  int descriptor() const noexcept { return descriptor_; }
  /// What is written leaves at once.
  void start() noexcept;
  /// What is read and written from now on is TLS. Small writes are gathered in memory that is lent for a call's time.
  void speak_tls(std::shared_ptr<const TlsSettings> settings, std::span<char> gathering);
  /// The TLS part, or null.
  const TlsSession* tls() const noexcept { return tls_.get(); }
  /// What follows is in the clear again: a peer that does not speak TLS is told so.
  void speak_plainly() noexcept;

  /// `would_block`, even with bytes: the socket has no more for now.
  IoResult read_some(std::span<char> into);
  /// Did TLS, with its last bytes, come to its end?
  bool end_is_next() const noexcept;
  IoResult write_some(std::span<const std::string_view> views);
  /// Has the kernel all that write_some took? If not, writing nothing goes on with it.
  bool flushed() const noexcept { return !tls_ || tls_flushed(); }
  /// Shows what the socket has, below any TLS, and leaves it there.
  IoResult peek(std::span<char> into) noexcept;
  /// Takes bytes off that peek() has shown.
  void drop(std::span<char> seen) noexcept;
  /// Looks without reading. Bytes that wait hide an orderly end behind them, but not a reset.
  Waiting look() noexcept;
  /// Has the connection failed, though bytes wait before the failure?
  bool broken() noexcept;
  /// Bytes that the kernel was given and the peer's TCP has not acknowledged; 0 when that can't be known.
  std::size_t unacknowledged() const noexcept;
  /// What the peer's TCP has acknowledged; nullopt when the kernel does not say.
  std::optional<TcpProgress> tcp_progress() const noexcept;
  /// Says within TLS that nothing follows.
  IoResult finish();
  /// The peer sees the end; from now on what is read is only bytes. False: there is no connection any more.
  bool shut_down_writing() noexcept;
  void close() noexcept;
  /// Closes so that the kernel keeps nothing either: the peer sees a reset.
  void reset() noexcept;
  /// This end's address; 0.0.0.0:0 when it can't be told.
  asio::ip::tcp::endpoint local_endpoint() const noexcept;

 private:
  bool tls_flushed() const noexcept;

  int descriptor_;  // -1: closed
  std::unique_ptr<TlsSession> tls_;
};

}  // namespace sluice::SLUICE_ABI::net
