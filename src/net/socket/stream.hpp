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

/// A TCP connection, plain or with TLS. No call blocks. Its executor only.
///
/// A Poller reports the socket's readiness: repeat a read or a write until it returns `would_block`, then wait for the
/// next report. A short count means that there is no more for now.
class Stream {
 public:
  enum class Waiting : std::uint8_t { nothing, bytes, ended, over };
  /// Further views are left for the next write.
  static constexpr std::size_t gathered_views = 64;

  /// Takes over a descriptor that does not block.
  explicit Stream(int descriptor) noexcept;
  Stream(Stream&& other) noexcept;
  ~Stream();

  int descriptor() const noexcept { return descriptor_; }
  /// Writes leave at once (TCP_NODELAY).
  void start() noexcept;
  /// Uses TLS from now on. Small writes are gathered in memory that is borrowed for a call.
  void speak_tls(std::shared_ptr<const TlsSettings> settings, std::span<char> gathering);
  /// The TLS part, or null.
  const TlsSession* tls() const noexcept { return tls_.get(); }
  /// Sends plain bytes again, to answer a peer that does not use TLS.
  void speak_plainly() noexcept;

  /// `would_block`, even with bytes: the socket has no more for now.
  IoResult read_some(std::span<char> into);
  /// True if TLS ended with its last bytes.
  bool end_is_next() const noexcept;
  IoResult write_some(std::span<const std::string_view> views);
  /// True if the kernel has all bytes that write_some() took. If not, an empty write continues.
  bool flushed() const noexcept { return !tls_ || tls_flushed(); }
  /// Copies the socket's bytes, below any TLS, without removing them.
  IoResult peek(std::span<char> into) noexcept;
  /// Takes bytes off that peek() has shown.
  void drop(std::span<char> seen) noexcept;
  /// Checks without reading. Unread bytes hide an orderly end behind them, but not a reset.
  Waiting look() noexcept;
  /// True if the connection has failed, although unread bytes precede the failure.
  bool broken() noexcept;
  /// Bytes in the kernel that the peer's TCP has not acknowledged; 0 when unknown.
  std::size_t unacknowledged() const noexcept;
  /// The peer's TCP acknowledgements; nullopt when the kernel does not report them.
  std::optional<TcpProgress> tcp_progress() const noexcept;
  /// Sends close_notify within TLS.
  IoResult finish();
  /// Shuts the write side down; later reads return raw bytes. False: there is no connection any more.
  bool shut_down_writing() noexcept;
  void close() noexcept;
  /// Closes with a reset, so that the kernel keeps nothing either.
  void reset() noexcept;
  /// This end's address; 0.0.0.0:0 when unknown.
  asio::ip::tcp::endpoint local_endpoint() const noexcept;

 private:
  bool tls_flushed() const noexcept;

  int descriptor_;  // -1: closed
  std::unique_ptr<TlsSession> tls_;
};

}  // namespace sluice::SLUICE_ABI::net
