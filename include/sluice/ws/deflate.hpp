// SPDX-License-Identifier: MIT
// The payload of a compressed message, there and back (RFC 7692 section 7.2): raw DEFLATE, each message ending where an
// empty stored block would follow, whose four bytes are left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sluice/abi.hpp"

namespace sluice::SLUICE_ABI::ws {

/// How much was compressed: messages, their bytes before compression and on the wire. A value.
struct DeflateTotals {
  std::uint64_t messages = 0;
  std::uint64_t plain_bytes = 0;
  std::uint64_t wire_bytes = 0;
};

/// Compresses messages; each may refer to earlier ones. One thread at a time.
class SLUICE_API Deflater {
 public:
  /// A window of 2^window_bits bytes, 8 to 15; level and memory_level are zlib's, 1 to 9. All memory is taken here;
  /// throws std::bad_alloc.
  Deflater(int window_bits, int level, int memory_level);
  Deflater(Deflater&&) noexcept;
  ~Deflater();

  /// Appends the compressed message to `out`.
  void deflate(std::string_view message, std::string& out);
  /// The next message does not refer to earlier ones.
  void forget() noexcept;
  std::size_t allocated_bytes() const noexcept;

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

/// Decompresses messages, piece by piece. One thread at a time.
class SLUICE_API Inflater {
 public:
  enum class Outcome : std::uint8_t { good, too_big, corrupt };

  /// A window of 2^window_bits bytes, 8 to 15, allocated when it is first needed; throws std::bad_alloc, as inflate
  /// does.
  explicit Inflater(int window_bits);
  Inflater(Inflater&&) noexcept;
  ~Inflater();

  /// Appends the decompressed piece of a message to `out`, until `out` holds `limit` bytes and no further: the rest of
  /// a decompression bomb is not processed. `last`: the message ends with this piece, and is corrupt if its compressed
  /// form does not end here. After an outcome other than `good`, call forget() before the next message.
  Outcome inflate(std::string_view piece, bool last, std::string& out, std::size_t limit);
  /// The next message does not refer to earlier ones.
  void forget() noexcept;
  std::size_t allocated_bytes() const noexcept;

 private:
  struct Stream;
  Outcome feed(std::string_view bytes, std::string& out, std::size_t limit);
  void pass_final_block() noexcept;

  std::unique_ptr<Stream> stream_;
};

}  // namespace sluice::SLUICE_ABI::ws
