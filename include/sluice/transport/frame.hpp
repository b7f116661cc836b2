// SPDX-License-Identifier: MIT
// Outgoing messages, encoded once. A broadcast is written once into its executor's buffer; every connection of that
// executor then holds the same few bytes by their position, and frames that lie side by side join into one range.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/abi.hpp"
#include "sluice/transport/message.hpp"

namespace sluice::SLUICE_ABI {

class FrameBuffer;

namespace detail {

// A stretch of memory that frames point into. Its count is not atomic: a chunk never leaves its executor.
struct SLUICE_API FrameChunk {
  FrameBuffer* owner;  // null once the buffer is destroyed; the last frame then frees the chunk
  FrameChunk* next;    // among the buffer's chunks that only frames keep alive
  FrameChunk* before;
  std::uint32_t frames;  // how many Frame objects point here
  std::uint32_t used;
  std::uint32_t capacity;
  bool alone;  // it has one owner, which may append to it

  char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
  void add_frame() noexcept { ++frames; }
  void drop_frame() noexcept {
    if (--frames == 0) unused();
  }
  void unused() noexcept;
};

}  // namespace detail

/// One or more whole messages, each with its WebSocket header in front (RFC 6455 section 5.2), side by side in memory.
/// Copies share the bytes. Its executor only: neither a Frame nor a copy may reach another thread.
class SLUICE_API Frame {
 public:
  Frame() noexcept = default;
  Frame(detail::FrameChunk* chunk, std::uint32_t begin, std::uint32_t end) noexcept
      : chunk_(chunk), begin_(begin), end_(end) {
    chunk_->add_frame();
  }
  Frame(const Frame& other) noexcept : chunk_(other.chunk_), begin_(other.begin_), end_(other.end_) {
    if (chunk_) chunk_->add_frame();
  }
  Frame(Frame&& other) noexcept
      : chunk_(std::exchange(other.chunk_, nullptr)),
        begin_(std::exchange(other.begin_, 0)),
        end_(std::exchange(other.end_, 0)) {}
  Frame& operator=(Frame other) noexcept {
    std::swap(chunk_, other.chunk_);
    begin_ = other.begin_;
    end_ = other.end_;
    return *this;
  }
  ~Frame() {
    if (chunk_) chunk_->drop_frame();
  }

  bool empty() const noexcept { return begin_ == end_; }
  std::size_t size() const noexcept { return end_ - begin_; }
  /// Header and payload of every message, ready for the socket.
  std::string_view wire() const noexcept {
    return chunk_ ? std::string_view(chunk_->bytes() + begin_, size()) : std::string_view();
  }

  /// Appends `next` if its bytes begin where these end. False: it is elsewhere in memory, and the caller keeps both.
  bool extend(const Frame& next) noexcept {
    if (chunk_ != next.chunk_ || end_ != next.begin_) return false;
    end_ = next.end_;
    return true;
  }
  /// Removes the first `bytes` bytes, which were written.
  void consume(std::size_t bytes) noexcept { begin_ += static_cast<std::uint32_t>(bytes); }
  /// True if it is in memory of its own, made by copy_with_room().
  bool alone() const noexcept { return chunk_ && chunk_->alone; }
  /// The memory that this frame keeps alive, its own bytes included.
  std::size_t pinned_bytes() const noexcept { return chunk_ ? chunk_->capacity : 0; }

 private:
  friend class FrameBuffer;
  detail::FrameChunk* chunk_ = nullptr;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
};

/// Appends the header of an unmasked frame with this first byte, its length in the shortest form.
SLUICE_API void append_frame_header(std::string& out, std::uint8_t first_byte, std::uint64_t payload_bytes);

/// Reads the messages of an encoded frame one by one, for a transport with its own framing:
///
///     FrameReader reader(frame.wire());
///     while (auto message = reader.next()) out.write(message.kind, message.payload);
///
/// One thread at a time.
class SLUICE_API FrameReader {
 public:
  struct Item {
    bool found = false;
    MessageKind kind = MessageKind::text;
    std::string_view payload;
    explicit operator bool() const noexcept { return found; }
  };

  explicit FrameReader(std::string_view wire) noexcept : rest_(wire) {}
  Item next() noexcept;

 private:
  std::string_view rest_;
};

/// The encoder of one executor: `executor.local<FrameBuffer>()`. Messages that are encoded in a row are adjacent in
/// memory, which is reused once no frame points into it. Its executor only.
class SLUICE_API FrameBuffer {
 public:
  FrameBuffer() noexcept = default;
  FrameBuffer(const FrameBuffer&) = delete;
  FrameBuffer& operator=(const FrameBuffer&) = delete;
  ~FrameBuffer();

  /// One unfragmented message as a server sends it: unmasked, its length in the shortest form.
  Frame encode(MessageKind kind, std::string_view payload);
  /// A close, ping or pong: opcode 8, 9 or 10, and at most 125 bytes of payload.
  Frame encode_control(std::uint8_t opcode, std::string_view payload);
  /// Whole encoded messages, in a row with the others.
  Frame append(std::string_view wire);
  /// The same bytes in memory of their own.
  Frame copy(const Frame& frame);
  /// For a slow reader: the frame, or a copy if the frame would keep much more memory alive than its bytes.
  Frame unshared(const Frame& frame);
  /// The same bytes in memory of their own, with room for this many more.
  Frame copy_with_room(const Frame& frame, std::size_t room);
  /// Appends the bytes of `next` to `last`, if that is the end of a copy_with_room() which still has room for them.
  static bool append_to(Frame& last, const Frame& next) noexcept;

  /// Memory in use now, in bytes; for tests and statistics.
  std::size_t allocated_bytes() const noexcept { return allocated_; }
  /// Called by the last frame of a chunk.
  void recycle(detail::FrameChunk* chunk) noexcept;

 private:
  Frame write(std::uint8_t first_byte, std::string_view payload);
  Frame reserve(std::size_t bytes);
  detail::FrameChunk* allocate(std::size_t bytes);
  detail::FrameChunk* pin(detail::FrameChunk* chunk) noexcept;
  void free(detail::FrameChunk* chunk) noexcept;

  detail::FrameChunk* current_ = nullptr;  // where encode writes
  detail::FrameChunk* spare_ = nullptr;    // one idle chunk, so that a busy turn does not allocate
  detail::FrameChunk* pinned_ = nullptr;   // chunks that only frames keep alive, to disown them at the end
  std::size_t allocated_ = 0;
};

}  // namespace sluice::SLUICE_ABI
