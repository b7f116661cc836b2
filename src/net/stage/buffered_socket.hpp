// SPDX-License-Identifier: MIT
// The socket of one connection with what is queued for it.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "net/shard/server_shard.hpp"
#include "net/socket/io_result.hpp"
#include "net/socket/stream.hpp"
#include "net/socket/write_queue.hpp"

namespace sluice::SLUICE_ABI::net {

/// Queues frames and bytes, and writes them as far as the kernel takes them. What it does not take counts among the
/// bytes that wait in the whole server. Its executor only.
class BufferedSocket {
 public:
  BufferedSocket(ServerShard& shard, Stream stream) noexcept;

  ServerShard& shard() const noexcept { return shard_; }
  Stream& stream() noexcept { return stream_; }
  const Stream& stream() const noexcept { return stream_; }

  bool empty() const noexcept { return queue_.empty(); }
  /// Bytes of frames that are queued.
  std::size_t queued_bytes() const noexcept { return queue_.bytes(); }
  /// The same with the memory that it takes to keep them.
  std::size_t held_bytes() const noexcept { return queue_.held_bytes(); }
  /// Memory of all that is queued, HTTP responses and control frames included. This counts for the whole server.
  std::size_t waiting_bytes() const noexcept { return queue_.held_bytes() + queue_.ahead_bytes(); }
  /// Bytes that are in the kernel and not acknowledged by the peer.
  std::size_t unacknowledged() const noexcept { return stream_.unacknowledged(); }
  /// Bytes that are queued here, or in the kernel and not acknowledged by the peer.
  std::size_t undelivered_bytes() const noexcept { return queue_.bytes() + stream_.unacknowledged(); }

  void push(const Frame& frame) {
    const std::size_t before = queue_.held_bytes();
    queue_.push(frame, shard_.buffers().spares());
    report_change(before);
  }
  /// Queues bytes that are no frame.
  void push_bytes(std::string_view bytes);
  /// Queues a ping or a pong. If the kernel takes no more, it goes ahead of the messages that wait, and a pong replaces
  /// one that waits (RFC 6455 section 5.5.3). Returns whether it is to be written at the end of the turn.
  bool push_ping(const Frame& ping);
  bool push_pong(const Frame& pong);

  /// Writes what is queued. `would_block`: the kernel takes no more for now; on_writable() follows.
  IoResult flush();
  /// Ends TLS, behind all that is queued. `would_block` as with flush().
  IoResult finish();
  /// The kernel has taken no more, and has not reported room since.
  bool waits_for_room() const noexcept { return waits_for_room_; }
  /// The kernel reports that it has room. Returns whether this socket was waiting for room.
  bool on_writable() noexcept;

  /// Copies out frames that would keep much more memory alive than their own bytes.
  void release_shared();
  /// Drops what is queued, except the rest of a message that is partly written.
  void drop_waiting();
  void clear() noexcept;
  /// From now on the peer sees the end of the connection as a reset: what it was sent is not complete.
  void reset_when_closed(bool resets) noexcept { resets_ = resets; }
  /// Closes the socket and drops what is queued: with a reset if there was something, so that the kernel keeps no
  /// buffer for minutes for a peer that does not read.
  void close() noexcept;

 private:
  // report_all(): the size of anything queued has changed. report_change(): only that of frames.
  void report_all(std::size_t before) noexcept {
    if (waits_for_room_) shard_.waiting_changed(before, waiting_bytes());
  }
  void report_change(std::size_t before) noexcept {
    if (waits_for_room_) shard_.waiting_changed(before, queue_.held_bytes());
  }
  void report_to_observers() noexcept;
  IoResult write_once();
  bool note_written(std::size_t bytes) noexcept;
  void wait_for_room();

  ServerShard& shard_;
  WriteQueue queue_;
  Stream stream_;
  bool waits_for_room_ : 1 = false;
  bool resets_ : 1 = false;  // see reset_when_closed()
};

}  // namespace sluice::SLUICE_ABI::net
