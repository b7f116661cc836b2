// SPDX-License-Identifier: MIT
// The bytes that one connection has to write: ranges of shared memory, with the borders of messages. No socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/transport/frame.hpp"

namespace sluice::SLUICE_ABI::net {

/// A queue of frames that knows how much of them the kernel has taken. Adjacent frames are one range, so a burst of
/// broadcasts costs one buffer, and one range needs no memory beside the 32 bytes of the queue itself.
///
///     queue.push(frame, spares);
///     const auto count = queue.gather(views);       // what to write next
///     queue.took(written, spares);                  // how much of it is on its way
///
/// A control frame may overtake waiting messages, but is never sent inside a message. Its executor only.
class WriteQueue {
  struct PendingWrites;

 public:
  /// Parts that the queues of one executor reuse, so that a steady state allocates nothing.
  class Spares {
   public:
    Spares() noexcept;
    ~Spares();

   private:
    friend class WriteQueue;
    static constexpr std::size_t most = 4096;
    std::vector<std::unique_ptr<PendingWrites>> free_;
  };

  WriteQueue() noexcept;
  WriteQueue(WriteQueue&&) = delete;
  ~WriteQueue();

  bool empty() const noexcept;
  /// Bytes of waiting frames, without control frames and HTTP responses.
  std::size_t bytes() const noexcept { return bytes_; }
  /// The same with their overhead: less than a fifth below the memory in use, once release_shared() was called.
  std::size_t held_bytes() const noexcept { return pending_ ? bytes_and_places() : bytes_; }

  /// Memory of bytes that are sent before frames: an HTTP response, control frames.
  std::size_t ahead_bytes() const noexcept;

  void push(const Frame& frame, Spares& spares);
  /// Puts a control frame behind the message that is partly written, before all waiting ones. While it waits, the next
  /// one replaces it: RFC 6455 section 5.5.3 lets a pong answer the latest ping only.
  void push_ahead(std::string_view control_frame, Spares& spares);
  /// Puts a ping before all waiting bytes, also a pong. It is not replaced: send no second one before it was answered.
  void push_ping(std::string_view ping, Spares& spares);
  /// Puts bytes that are no frame, such as an HTTP response, before later frames. The queue must have no frame yet.
  void push_bytes(std::string_view bytes, Spares& spares);

  /// The next bytes in order, in as many views as fit or are needed. Returns how many views are filled.
  std::size_t gather(std::span<std::string_view> views) const noexcept;
  /// The first `written` bytes of the gathered views were written. When it throws, the queue does not know that: write
  /// no more of it.
  void took(std::size_t written, Spares& spares);

  /// Drops all bytes except the rest of the message that is partly written.
  void drop_waiting(Spares& spares);
  /// Copies out frames that keep more memory alive than their own bytes, side by side. Call it when the kernel takes no
  /// more, and again for those that are pushed meanwhile. Without memory for a copy a frame is kept.
  void release_shared(FrameBuffer& frames) noexcept;
  void clear(Spares& spares) noexcept;

 private:
  PendingWrites& pending(Spares& spares);
  std::size_t bytes_and_places() const noexcept;
  void settle(Frame& frame, FrameBuffer& frames) const noexcept;
  void took_ahead(std::size_t& written);
  void took_frames(std::size_t written);
  void pop_front() noexcept;
  void give_back(Spares& spares) noexcept;

  Frame front_;
  std::unique_ptr<PendingWrites> pending_;  // null while there is only one range
  std::size_t bytes_ = 0;
};

}  // namespace sluice::SLUICE_ABI::net
