// SPDX-License-Identifier: MIT
// Bytes in, bytes out, and the end of life; see asio_connection.hpp.
#include "net/asio_connection.hpp"

#include <new>
#include <utility>

#include "net/http_side.hpp"
#include "net/tls_session.hpp"

namespace sluice::net {
namespace {

using Then = Moved::Then;

// A connection that always has more to read lets the others have their turn after this much.
constexpr std::size_t burst_bytes = 256 * 1024;

}  // namespace

// The one long wait of an idle connection, for readability, lives inside the connection.
template <class T>
struct AsioConnection::WaitAllocator {
  using value_type = T;

  explicit WaitAllocator(AsioConnection& owner) noexcept : connection(&owner) {}
  template <class U>
  WaitAllocator(const WaitAllocator<U>& other) noexcept : connection(other.connection) {}

  T* allocate(std::size_t count) {
    const bool fits = count * sizeof(T) <= connection->wait_memory_.size() && alignof(T) <= alignof(void*);
    if (!fits || connection->wait_memory_taken_) return static_cast<T*>(::operator new(count * sizeof(T)));
    connection->wait_memory_taken_ = true;
    return reinterpret_cast<T*>(connection->wait_memory_.data());
  }
  void deallocate(T* memory, std::size_t) noexcept {
    if (reinterpret_cast<std::byte*>(memory) != connection->wait_memory_.data()) return ::operator delete(memory);
    connection->wait_memory_taken_ = false;
  }
  template <class U>
  bool operator==(const WaitAllocator<U>& other) const noexcept {
    return connection == other.connection;
  }

  AsioConnection* connection;
};

// What Asio calls. It keeps the connection alive; one that is gone does nothing, its shard may be gone too.
template <void (AsioConnection::*on_event)()>
struct AsioConnection::Wait {
  using allocator_type = WaitAllocator<void>;
  allocator_type get_allocator() const noexcept { return allocator_type(*connection); }

  void operator()(const std::error_code&) const {
    if (connection->phase_ == Phase::gone) return;
    const auto running = connection->shard_.executor().enter();
    (*connection.*on_event)();
  }

  std::shared_ptr<AsioConnection> connection;
};

AsioConnection::AsioConnection(Shard& shard, Stream stream, Admission::Seat seat, const asio::ip::tcp::endpoint& peer)
    : shard_(shard), stream_(std::move(stream)), protocol_(shard.limits().message_bytes), seat_(std::move(seat)) {
  begin_http(peer);
}

AsioConnection::~AsioConnection() = default;

void AsioConnection::start(std::shared_ptr<AsioConnection> self) {
  self_ = std::move(self);
  shard_.enter(*this, Shard::Stage::handshake);
  stream_.start();
  read_on();
}

// --- reading

bool AsioConnection::wants_bytes() const noexcept {
  switch (phase_) {
    case Phase::http: return !answering();
    case Phase::open: return !paused_;
    case Phase::closing:
    case Phase::draining: return true;
    case Phase::opening:
    case Phase::leaving:
    case Phase::gone: return false;
  }
  return false;
}

void AsioConnection::read_on() {
  const bool watches = phase_ == Phase::opening || (phase_ == Phase::open && paused_);
  if (reads_now() && stream_.holds_bytes()) return go_on_soon();
  if (waits_readable_ || !(watches || reads_now())) return;
  waits_readable_ = true;
  stream_.wait_to_read(Wait<&AsioConnection::on_readable>{self_});
}

void AsioConnection::on_readable() {
  waits_readable_ = false;
  if (reads_now()) return read_burst();
  if (phase_ == Phase::opening || phase_ == Phase::open) look_for_loss();
}

void AsioConnection::read_burst() {
  const std::span<char> buffer = shard_.read_buffer();
  std::size_t total = 0;
  while (reads_now() && total < burst_bytes) {
    const Moved got = stream_.read_some(buffer);
    if (got.then == Then::over) return read_failed();
    if (got.bytes > 0) {
      shard_.counters().bytes_in.add(got.bytes);
      total += got.bytes;
      const std::span<char> rest = use(buffer.first(got.bytes));
      if (!rest.empty()) kept_ = std::make_unique<Kept>(Kept{std::string(rest.data(), rest.size()), 0});
    }
    if (got.then == Then::wait) break;
  }
  if (!stream_.flushed()) write_soon();  // TLS has answered
  read_on();
}

void AsioConnection::read_failed() {
  const TlsSession* const tls = stream_.tls();
  if (!tls || tls->failure().empty()) return lost();
  shard_.tls_failed(tls->failure());
  if (tls->spoke_http()) {
    stream_.speak_plainly();
    return refuse({400, "this port speaks TLS: ask for https:// or wss://", {}});
  }
  queue_.clear(shard_.spares());
  tell_lost();
  leave(true);  // what TLS has said of it reaches the peer
}

// Nobody wants to read. Is the peer still there? Bytes that wait hide an orderly end, but not a reset.
void AsioConnection::look_for_loss() {
  const Stream::Waiting waiting = stream_.look();
  if (waiting == Stream::Waiting::nothing) return read_on();
  if (waiting == Stream::Waiting::over) return lost();
  if (std::exchange(waits_for_loss_, true)) return;
  stream_.wait_for_loss(Wait<&AsioConnection::on_loss>{self_});
}

void AsioConnection::on_loss() {
  waits_for_loss_ = false;
  if (stream_.broken()) lost();
}

// Uses what is wanted of the input, and returns the rest that will be wanted later.
std::span<char> AsioConnection::use(std::span<char> input) {
  if (phase_ == Phase::http) read_requests(input);
  if (phase_ == Phase::open || phase_ == Phase::closing) read_messages(input);
  const bool later = phase_ == Phase::http || phase_ == Phase::opening || phase_ == Phase::open;
  return later ? input : std::span<char>();
}

void AsioConnection::go_on_soon() {
  if (std::exchange(goes_on_soon_, true)) return;
  shard_.executor().post([self = self_] {
    if (self->phase_ != Phase::gone) self->go_on();
  });
}

void AsioConnection::go_on() {
  goes_on_soon_ = false;
  if (kept_ && wants_bytes()) {
    auto kept = std::move(kept_);
    const std::span<char> rest = use(std::span<char>(kept->bytes).subspan(kept->used));
    kept->used = kept->bytes.size() - rest.size();
    if (!rest.empty()) kept_ = std::move(kept);
  }
  if (reads_now() && stream_.holds_bytes()) return read_burst();
  read_on();
}

// --- writing

void AsioConnection::write_soon() {
  if (!std::exchange(will_write_, true)) shard_.will_write(*this);
}

void AsioConnection::end_turn() {
  will_write_ = false;
  if (phase_ == Phase::gone) return;
  if (waits_writable_) return queue_.release_shared(shard_.frames());
  write_queued();
}

void AsioConnection::write_queued() {
  while (!queue_.empty() || !stream_.flushed()) {
    std::array<std::string_view, Stream::gathered_views> views;
    const std::size_t count = queue_.gather(views);
    const Moved gone = stream_.write_some(std::span<const std::string_view>(views.data(), count));
    if (gone.then == Then::over) return lost();
    if (gone.bytes > 0) {
      shard_.counters().writes.add();
      shard_.counters().bytes_out.add(gone.bytes);
      queue_.took(gone.bytes, shard_.spares());
      if (http_) http_progress();
    }
    if (gone.then == Then::wait) {
      queue_.release_shared(shard_.frames());
      return wait_to_write();
    }
  }
  all_written();
}

void AsioConnection::wait_to_write() {
  waits_writable_ = true;
  stream_.wait_to_write(Wait<&AsioConnection::on_writable>{self_});
}

void AsioConnection::on_writable() {
  waits_writable_ = false;
  write_queued();
}

void AsioConnection::all_written() {
  if (phase_ == Phase::http) return http_written();
  if (phase_ != Phase::leaving) return;
  const Moved finished = stream_.finish();
  if (finished.then == Then::wait) return wait_to_write();
  if (finished.then == Then::over || !drains_) return end();
  phase_ = Phase::draining;
  if (!stream_.shut_down_writing()) return end();
  kept_.reset();
  read_on();
}

// --- ending

void AsioConnection::leave(bool and_drain) {
  phase_ = Phase::leaving;
  drains_ = and_drain;
  shard_.enter(*this, Shard::Stage::closing);
  write_soon();
}

void AsioConnection::lost() {
  tell_lost();
  end();
}

void AsioConnection::tell_lost() {
  switch (phase_) {
    case Phase::opening:
    case Phase::open: tell_closed(CloseReason(close_code::abnormal), Ending::vanished); break;
    case Phase::closing: tell_closed(CloseReason(*closed_with_), ending_); break;
    case Phase::http:
    case Phase::leaving:
    case Phase::draining:
    case Phase::gone: break;
  }
}

void AsioConnection::deadline_passed() {
  switch (phase_) {
    case Phase::http: return request_late();
    case Phase::opening: return refuse({503, "the application did not answer the handshake in time", {}});
    case Phase::open:
    case Phase::gone: return;
    case Phase::closing:
    case Phase::leaving:
    case Phase::draining: return lost();
  }
}

void AsioConnection::go_away() {
  switch (phase_) {
    case Phase::http: return answering() ? void() : end();
    case Phase::opening: return refuse({503, "the server stops", {}});
    case Phase::open: return begin_close(CloseReason(close_code::going_away), Ending::by_stop);
    case Phase::closing:
    case Phase::leaving:
    case Phase::draining:
    case Phase::gone: return;
  }
}

void AsioConnection::cut_off() { lost(); }

void AsioConnection::end() noexcept {
  if (phase_ == Phase::gone) return;
  phase_ = Phase::gone;
  // Words that the peer does not take are not worth a kernel buffer for minutes: reset instead.
  queue_.empty() && stream_.flushed() ? stream_.close() : stream_.reset();
  queue_.clear(shard_.spares());
  kept_.reset();
  deflater_.reset();
  protocol_.inflate_with(nullptr);
  unlink();
  shard_.left(seated());
  seat_.release();
  // Not under the feet of a caller, and not before the shard has looked at those that wanted to write this turn.
  shard_.executor().at_end_of_turn([self = std::move(self_)] {});
}

}  // namespace sluice::net
