// SPDX-License-Identifier: MIT
// The framing of a body that is sent in pieces. No sockets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sluice/abi.hpp"
#include "sluice/core/result.hpp"

namespace sluice::SLUICE_ABI::http {

/// How a client finds the end of a response's body (RFC 9112 section 6.3).
enum class BodyEnd : std::uint8_t {
  no_body,     // there is none: a response to HEAD, a 204, a 304
  length,      // Content-Length
  chunked,     // the last chunk
  connection,  // the end of the connection: HTTP/1.0 does not know chunks
};

/// Gives the bytes before and after each piece of a body, and behind the last one. The pieces are not copied.
///
///     const auto frame = framing.next(piece.size());   // an Error: the body is longer than its length
///     write frame->before, piece, frame->after
///     const auto last = framing.end();                 // an Error: the body is shorter than its length
///
/// After an Error the body can't be completed: the connection has to end. One thread at a time.
class SLUICE_API BodyFraming {
 public:
  /// Views into this object and into constants; they are valid until the next call.
  struct Frame {
    std::string_view before, after;
  };

  /// `length`: the total bytes of all pieces, with BodyEnd::length.
  explicit BodyFraming(BodyEnd end, std::uint64_t length = 0) noexcept : end_(end), left_(length) {}

  /// For the next piece, of `bytes` bytes. Both views are empty for an empty piece, because an empty chunk would be the
  /// last. Fails when the body is longer than its length.
  Result<Frame> next(std::size_t bytes);
  /// Behind the last piece. Fails when the body is shorter than its length.
  Result<std::string_view> end() const;
  /// True if the client notices that the connection ended before the body.
  bool shows_missing_end() const noexcept { return end_ != BodyEnd::connection; }

 private:
  // 16 hexadecimal digits, CR and LF.
  std::array<char, 18> size_line_{};
  BodyEnd end_;
  std::uint64_t left_;
};

}  // namespace sluice::SLUICE_ABI::http
