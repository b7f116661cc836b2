// SPDX-License-Identifier: MIT
#include "net/stage/buffered_socket.hpp"

#include <array>
#include <utility>

namespace sluice::SLUICE_ABI::net {

BufferedSocket::BufferedSocket(ServerShard& shard, Stream stream) noexcept
    : shard_(shard), stream_(std::move(stream)) {}

void BufferedSocket::push_bytes(std::string_view bytes) {
  const std::size_t before = waiting_bytes();
  queue_.push_bytes(bytes, shard_.buffers().spares());
  report_all(before);
}

bool BufferedSocket::push_ping(const Frame& ping) {
  if (!waits_for_room_) {
    queue_.push(ping, shard_.buffers().spares());
    return true;
  }
  const std::size_t before = waiting_bytes();
  queue_.push_ping(ping.wire(), shard_.buffers().spares());
  report_all(before);
  return false;
}

bool BufferedSocket::push_pong(const Frame& pong) {
  if (!waits_for_room_) {
    queue_.push(pong, shard_.buffers().spares());
    return true;
  }
  const std::size_t before = waiting_bytes();
  queue_.push_ahead(pong.wire(), shard_.buffers().spares());
  report_all(before);
  return false;
}

IoResult BufferedSocket::flush() {
  IoResult all;
  while (!queue_.empty() || !stream_.flushed()) {
    const IoResult written = write_once();
    all.status = written.status;
    if (written.status == IoStatus::failed) return all;
    if (written.bytes > 0) {
      shard_.counters().writes.add();
      shard_.counters().bytes_out.add(written.bytes);
      if (!note_written(written.bytes)) {
        all.status = IoStatus::failed;
        return all;
      }
      all.bytes += written.bytes;
    }
    if (written.status == IoStatus::would_block) {
      wait_for_room();
      return all;
    }
  }
  return all;
}

// False: there was no memory to note it, and so the same bytes would be written again.
bool BufferedSocket::note_written(std::size_t bytes) noexcept {
  try {
    queue_.took(bytes, shard_.buffers().spares());
    return true;
  } catch (...) {
    return false;
  }
}

IoResult BufferedSocket::write_once() {
  // Nearly always one range. To clear views for all that a system call may gather took 130 of 546 instructions.
  std::array<std::string_view, 4> few;
  const std::size_t count = queue_.gather(few);
  if (count < few.size()) return stream_.write_some(std::span<const std::string_view>(few.data(), count));
  std::array<std::string_view, Stream::gathered_views> many;
  return stream_.write_some(std::span<const std::string_view>(many.data(), queue_.gather(many)));
}

IoResult BufferedSocket::finish() {
  const IoResult finished = stream_.finish();
  if (finished.status == IoStatus::would_block) wait_for_room();
  return finished;
}

void BufferedSocket::wait_for_room() {
  queue_.release_shared(shard_.buffers().frames());
  waits_for_room_ = true;
  report_all(0);
}

// Nothing was written since the kernel took no more, so this is the most that has waited.
void BufferedSocket::report_to_observers() noexcept {
  if (!shard_.observed() || !waits_for_room_) return;
  shard_.context().observers.each(
      [bytes = waiting_bytes()](ServerObserver& observer) { observer.output_waited(bytes); });
}

bool BufferedSocket::on_writable() noexcept {
  if (!waits_for_room_) return false;
  report_to_observers();
  waits_for_room_ = false;
  shard_.waiting_changed(waiting_bytes(), 0);
  return true;
}

void BufferedSocket::release_shared() {
  const std::size_t before = queue_.held_bytes();
  queue_.release_shared(shard_.buffers().frames());
  report_change(before);
}

void BufferedSocket::drop_waiting() {
  report_to_observers();
  const std::size_t before = waiting_bytes();
  queue_.drop_waiting(shard_.buffers().spares());
  report_all(before);
}

void BufferedSocket::clear() noexcept {
  const std::size_t before = waiting_bytes();
  queue_.clear(shard_.buffers().spares());
  report_all(before);
}

void BufferedSocket::close() noexcept {
  report_to_observers();
  shard_.poller().remove(stream_.descriptor());
  queue_.empty() && stream_.flushed() && !resets_ ? stream_.close() : stream_.reset();
  if (waits_for_room_) shard_.waiting_changed(waiting_bytes(), 0);
  queue_.clear(shard_.buffers().spares());
}

}  // namespace sluice::SLUICE_ABI::net
