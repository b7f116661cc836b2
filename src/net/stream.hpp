// SPDX-License-Identifier: MIT
// The bytes of one connection, to the peer and from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include <asio/ip/tcp.hpp>

namespace sluice::net {

/// A TCP connection. No call blocks. A short count means that there is no more for now. Its executor only.
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

  /// Takes over a descriptor that does not block.
  explicit Stream(int descriptor) noexcept : descriptor_(descriptor) {}
  Stream(Stream&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~Stream() { close(); }

  int descriptor() const noexcept { return descriptor_; }
  /// What is written leaves at once.
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

 private:
  int descriptor_;  // -1: closed
};

}  // namespace sluice::net
