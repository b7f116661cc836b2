// SPDX-License-Identifier: MIT
#include "sluice/transport/frame.hpp"

#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

namespace sluice::SLUICE_ABI {
namespace {

using detail::FrameChunk;

constexpr std::uint32_t chunk_bytes = 64 * 1024;  // header of the chunk included
// A slow reader's frame is copied out when it keeps more than this many times its own bytes alive.
constexpr std::size_t tolerated_pinning = 4;

// The length of a server frame's header for this payload (RFC 6455 section 5.2).
std::size_t header_bytes(std::size_t payload) noexcept { return payload < 126 ? 2 : payload < 65536 ? 4 : 10; }

char* write_header(char* out, std::uint8_t first_byte, std::uint64_t payload) noexcept {
  *out++ = static_cast<char>(first_byte);
  if (payload < 126) {
    *out++ = static_cast<char>(payload);
    return out;
  }
  const int length_bytes = payload < 65536 ? 2 : 8;
  *out++ = static_cast<char>(length_bytes == 2 ? 126 : 127);
  for (int shift = 8 * (length_bytes - 1); shift >= 0; shift -= 8) *out++ = static_cast<char>(payload >> shift);
  return out;
}

char* bytes_of(const Frame& frame) noexcept { return const_cast<char*>(frame.wire().data()); }

void release_memory(FrameChunk* chunk) noexcept { std::free(chunk); }

}  // namespace

void FrameChunk::unused() noexcept {
  if (owner) {
    owner->recycle(this);
  } else {
    release_memory(this);
  }
}

void append_frame_header(std::string& out, std::uint8_t first_byte, std::uint64_t payload_bytes) {
  char header[10];
  out.append(header, write_header(header, first_byte, payload_bytes));
}

FrameReader::Item FrameReader::next() noexcept {
  if (rest_.size() < 2) return {};
  const auto byte = [this](std::size_t at) { return static_cast<std::uint8_t>(rest_[at]); };
  std::size_t header = 2;
  std::uint64_t length = byte(1);
  if (length >= 126) {
    header = length == 126 ? 4 : 10;
    length = 0;
    for (std::size_t at = 2; at < header; ++at) length = length << 8 | byte(at);
  }
  Item item{true, static_cast<MessageKind>(byte(0) & 0x0f), rest_.substr(header, length)};
  rest_.remove_prefix(header + item.payload.size());
  return item;
}

FrameBuffer::~FrameBuffer() {
  if (current_ && current_->frames > 0) {
    current_->owner = nullptr;  // the frames that still point here take the memory with them
  } else if (current_) {
    free(current_);
  }
  if (spare_) free(spare_);
  for (FrameChunk* chunk = pinned_; chunk; chunk = chunk->next) chunk->owner = nullptr;
}

Frame FrameBuffer::encode(MessageKind kind, std::string_view payload) {
  return write(static_cast<std::uint8_t>(0x80 | static_cast<std::uint8_t>(kind)), payload);
}

Frame FrameBuffer::encode_control(std::uint8_t opcode, std::string_view payload) {
  assert(payload.size() <= 125 && "a control frame carries at most 125 bytes (RFC 6455 section 5.5)");
  return write(static_cast<std::uint8_t>(0x80 | opcode), payload);
}

Frame FrameBuffer::append(std::string_view wire) {
  Frame frame = reserve(wire.size());
  std::memcpy(bytes_of(frame), wire.data(), wire.size());
  return frame;
}

Frame FrameBuffer::write(std::uint8_t first_byte, std::string_view payload) {
  Frame frame = reserve(header_bytes(payload.size()) + payload.size());
  char* at = write_header(bytes_of(frame), first_byte, payload.size());
  if (!payload.empty()) std::memcpy(at, payload.data(), payload.size());
  return frame;
}

// A frame whose bytes the caller writes.
Frame FrameBuffer::reserve(std::size_t bytes) {
  const std::size_t room = chunk_bytes - sizeof(FrameChunk);
  if (bytes > room) {  // a large message has a chunk of its own
    FrameChunk* alone = pin(allocate(bytes));
    alone->used = static_cast<std::uint32_t>(bytes);
    return Frame(alone, 0, alone->used);
  }
  if (current_ && current_->capacity - current_->used < bytes) {
    pin(std::exchange(current_, nullptr));  // it has frames, otherwise its space would be free
  }
  if (!current_) current_ = spare_ ? std::exchange(spare_, nullptr) : allocate(room);
  const std::uint32_t begin = current_->used;
  current_->used = static_cast<std::uint32_t>(begin + bytes);
  return Frame(current_, begin, current_->used);
}

Frame FrameBuffer::copy(const Frame& frame) {
  FrameChunk* alone = pin(allocate(frame.size()));
  std::memcpy(alone->bytes(), frame.wire().data(), frame.size());
  alone->used = static_cast<std::uint32_t>(frame.size());
  return Frame(alone, 0, alone->used);
}

Frame FrameBuffer::copy_with_room(const Frame& frame, std::size_t room) {
  FrameChunk* alone = pin(allocate(frame.size() + room));
  std::memcpy(alone->bytes(), frame.wire().data(), frame.size());
  alone->used = static_cast<std::uint32_t>(frame.size());
  alone->alone = true;
  return Frame(alone, 0, alone->used);
}

bool FrameBuffer::append_to(Frame& last, const Frame& next) noexcept {
  FrameChunk* const chunk = last.chunk_;
  if (!last.alone() || last.end_ != chunk->used || chunk->capacity - chunk->used < next.size()) return false;
  std::memcpy(chunk->bytes() + chunk->used, next.wire().data(), next.size());
  last.end_ = chunk->used += static_cast<std::uint32_t>(next.size());
  return true;
}

Frame FrameBuffer::unshared(const Frame& frame) {
  return frame.pinned_bytes() > tolerated_pinning * frame.size() ? copy(frame) : frame;
}

FrameChunk* FrameBuffer::allocate(std::size_t bytes) {
  if (bytes > UINT32_MAX) throw std::length_error("FrameBuffer: a frame is limited to 4 GiB");
  void* memory = std::malloc(sizeof(FrameChunk) + bytes);
  if (!memory) throw std::bad_alloc();
  allocated_ += sizeof(FrameChunk) + bytes;
  return ::new (memory) FrameChunk{this, nullptr, nullptr, 0, 0, static_cast<std::uint32_t>(bytes), false};
}

FrameChunk* FrameBuffer::pin(FrameChunk* chunk) noexcept {
  chunk->next = pinned_;
  chunk->before = nullptr;
  if (pinned_) pinned_->before = chunk;
  pinned_ = chunk;
  return chunk;
}

void FrameBuffer::free(FrameChunk* chunk) noexcept {
  allocated_ -= sizeof(FrameChunk) + chunk->capacity;
  release_memory(chunk);
}

void FrameBuffer::recycle(FrameChunk* chunk) noexcept {
  if (chunk == current_) {
    chunk->used = 0;
    return;
  }
  (chunk->before ? chunk->before->next : pinned_) = chunk->next;
  if (chunk->next) chunk->next->before = chunk->before;
  if (!spare_ && chunk->capacity == chunk_bytes - sizeof(FrameChunk)) {
    chunk->used = 0;
    chunk->alone = false;
    spare_ = chunk;
  } else {
    free(chunk);
  }
}

}  // namespace sluice::SLUICE_ABI
