// SPDX-License-Identifier: MIT
#include "sluice/ws/deflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>
#include <new>
#include <utility>

namespace sluice::SLUICE_ABI::ws {
namespace {

// The empty stored block that ends every flush, without its three header bits (RFC 7692 section 7.2.1).
constexpr std::string_view block_border{"\0\0\xff\xff", 4};
constexpr std::size_t step_bytes = 16 * 1024;
constexpr std::size_t most_at_once = std::size_t{1} << 30;  // zlib counts in 32 bits

// zlib does not compress into a window of 2^8 bytes: it refuses, or silently takes 2^9. So we ask for 2^9. It never
// refers further back than its window less 262 bytes (a match and what it looks ahead), which makes 250 here, and that
// is within a reader's 256. For reading, 2^9 accepts clients that use such a zlib.
int zlib_window_bits(int bits) noexcept { return std::max(bits, 9); }

// zlib allocates all its memory at the start, except the inflating window, which it allocates at first use.
void* allocate(void* allocated, unsigned count, unsigned size) {
  *static_cast<std::size_t*>(allocated) += std::size_t{count} * size;
  return std::malloc(std::size_t{count} * size);
}

void release(void*, void* memory) { std::free(memory); }

z_stream empty_stream(std::size_t& allocated) noexcept {
  z_stream stream{};
  stream.zalloc = allocate;
  stream.zfree = release;
  stream.opaque = &allocated;
  return stream;
}

Bytef* bytes_of(std::string_view text) noexcept {  // zlib's next_in is not const, but only read
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

}  // namespace

struct Deflater::Stream {
  Stream(int window_bits, int level, int memory_level) {
    const int result = deflateInit2(&z, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY);
    assert(result != Z_STREAM_ERROR && "window bits, level or memory level out of range");
    if (result != Z_OK) throw std::bad_alloc();
  }
  Stream(const Stream&) = delete;
  ~Stream() { deflateEnd(&z); }

  std::size_t allocated = 0;
  z_stream z = empty_stream(allocated);
};

Deflater::Deflater(int window_bits, int level, int memory_level)
    : stream_(std::make_unique<Stream>(zlib_window_bits(window_bits), level, memory_level)) {}
Deflater::Deflater(Deflater&&) noexcept = default;
Deflater::~Deflater() = default;

void Deflater::deflate(std::string_view message, std::string& out) {
  if (message.empty()) {
    out += '\0';  // what is left of an empty stored block (RFC 7692 section 7.2.3.6)
    return;
  }
  z_stream& z = stream_->z;
  while (!message.empty()) {
    const std::string_view piece = message.substr(0, most_at_once);
    message.remove_prefix(piece.size());
    z.next_in = bytes_of(piece);
    z.avail_in = static_cast<uInt>(piece.size());
    do {
      std::array<char, step_bytes> room;
      z.next_out = reinterpret_cast<Bytef*>(room.data());
      z.avail_out = static_cast<uInt>(room.size());
      ::deflate(&z, message.empty() ? Z_SYNC_FLUSH : Z_NO_FLUSH);  // it can only fail for want of room
      out.append(room.data(), room.size() - z.avail_out);
    } while (z.avail_out == 0);
  }
  assert(out.ends_with(block_border));
  out.resize(out.size() - block_border.size());
}

void Deflater::forget() noexcept { deflateReset(&stream_->z); }

std::size_t Deflater::allocated_bytes() const noexcept { return sizeof(Stream) + stream_->allocated; }

struct Inflater::Stream {
  explicit Stream(int window_bits) {
    const int result = inflateInit2(&z, -window_bits);
    assert(result != Z_STREAM_ERROR && "window bits out of range");
    if (result != Z_OK) throw std::bad_alloc();
  }
  Stream(const Stream&) = delete;
  ~Stream() { inflateEnd(&z); }

  std::size_t allocated = 0;
  z_stream z = empty_stream(allocated);
};

Inflater::Inflater(int window_bits) : stream_(std::make_unique<Stream>(zlib_window_bits(window_bits))) {}
Inflater::Inflater(Inflater&&) noexcept = default;
Inflater::~Inflater() = default;

Inflater::Outcome Inflater::inflate(std::string_view piece, bool last, std::string& out, std::size_t limit) {
  while (!piece.empty()) {
    const Outcome outcome = feed(piece.substr(0, most_at_once), out, limit);
    if (outcome != Outcome::good) return outcome;
    piece.remove_prefix(std::min(most_at_once, piece.size()));
  }
  if (!last) return Outcome::good;
  const std::size_t size = out.size();
  const Outcome outcome = feed(block_border, out, limit);
  if (outcome != Outcome::good) return outcome;
  // data_type has the number of bits that zlib holds back, plus 128 between two blocks. If the message did not end
  // where it should, those four bytes were read as something else.
  constexpr int bits_and_border = 63 + 128;
  const bool at_border = (stream_->z.data_type & bits_and_border) == 128;
  return at_border && out.size() == size ? Outcome::good : Outcome::corrupt;
}

Inflater::Outcome Inflater::feed(std::string_view bytes, std::string& out, std::size_t limit) {
  z_stream& z = stream_->z;
  z.next_in = bytes_of(bytes);
  z.avail_in = static_cast<uInt>(bytes.size());
  for (;;) {
    std::array<char, step_bytes> room;
    z.next_out = reinterpret_cast<Bytef*>(room.data());
    z.avail_out = static_cast<uInt>(room.size());
    const int result = ::inflate(&z, Z_SYNC_FLUSH);
    const std::size_t made = room.size() - z.avail_out;
    const std::size_t wanted = std::min(made, limit - out.size());
    out.append(room.data(), wanted);
    if (wanted < made) return Outcome::too_big;
    switch (result) {
      case Z_STREAM_END:
        pass_final_block();
        if (z.avail_in == 0) return Outcome::good;
        break;
      case Z_OK:
        if (z.avail_out > 0) return Outcome::good;
        break;
      case Z_BUF_ERROR: return Outcome::good;  // there was nothing left to do
      case Z_MEM_ERROR: throw std::bad_alloc();
      default: return Outcome::corrupt;
    }
  }
}

// A message may hold a block that is marked as the last of its stream (RFC 7692 section 7.2.3.4). What follows it is
// another stream, with the same window: zlib keeps it where it is, so that a row of such blocks costs no copies.
void Inflater::pass_final_block() noexcept { inflateResetKeep(&stream_->z); }

void Inflater::forget() noexcept { inflateReset(&stream_->z); }

std::size_t Inflater::allocated_bytes() const noexcept { return sizeof(Stream) + stream_->allocated; }

}  // namespace sluice::SLUICE_ABI::ws
