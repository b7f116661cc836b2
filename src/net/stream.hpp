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

#include "net/moved.hpp"

namespace sluice::net {

class TlsSession;
class TlsSettings;

/// A TCP connection, in the clear or with TLS. No call blocks. Its executor only.
///
/// What a Poller tells of is the socket: a read or a write may be repeated until it comes to `wait`, and from then on
/// the socket tells when it is worth while again. A short count means that there is no more for now.
class Stream {
 public:
  enum class Waiting : std::uint8_t { nothing, bytes, ended, over };
  /// What the peer's TCP has acknowledged of what the kernel was given.
  struct Delivery {
    std::size_t unacknowledged;           // bytes that the kernel still has
    std::uint64_t acknowledged;           // bytes since the connection began
    std::chrono::milliseconds since_ack;  // any, one that only opens the window among them
  };
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

  /// With `wait`, there is no more for now.
  Moved read_some(std::span<char> into);
  /// Did TLS, with its last bytes, come to its end?
  bool end_is_next() const noexcept;
  Moved write_some(std::span<const std::string_view> views);
  /// Has the kernel all that write_some took? If not, writing nothing goes on with it.
  bool flushed() const noexcept { return !tls_ || tls_flushed(); }
  /// Shows what the socket has, below any TLS, and leaves it there.
  Moved peek(std::span<char> into) noexcept;
  /// Takes bytes off that peek() has shown.
  void drop(std::span<char> seen) noexcept;
  /// Looks without reading. Bytes that wait hide an orderly end behind them, but not a reset.
  Waiting look() noexcept;
  /// Has the connection failed, though bytes wait before the failure?
  bool broken() noexcept;
  /// Bytes that the kernel was given and the peer's TCP has not acknowledged; 0 when that can't be known.
  std::size_t unacknowledged() const noexcept;
  std::optional<Delivery> delivery() const noexcept;
  /// Says within TLS that nothing follows.
  Moved finish();
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

}  // namespace sluice::net
