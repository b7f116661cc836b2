// SPDX-License-Identifier: MIT
// The socket and the end of life; see asio_connection.hpp.
#include "net/asio_connection.hpp"

#include <sys/socket.h>

#include <cassert>
#include <new>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/socket_base.hpp>

#include "net/http_side.hpp"

namespace sluice::net {
namespace {

// A connection that always has more to read lets the others have their turn after this much.
constexpr std::size_t burst_bytes = 256 * 1024;
// Asio gathers at most 64 buffers into one system call.
constexpr std::size_t gathered_views = 64;

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

AsioConnection::AsioConnection(Shard& shard, TcpSocket socket, Admission::Seat seat,
                               const asio::ip::tcp::endpoint& peer)
    : shard_(shard), socket_(std::move(socket)), protocol_(shard.limits()), seat_(std::move(seat)) {
  begin_http(peer);
}

AsioConnection::~AsioConnection() = default;

void AsioConnection::start(std::shared_ptr<AsioConnection> self) {
  self_ = std::move(self);
  shard_.enter(*this, Shard::Stage::handshake);
  std::error_code ignored;  // a socket that refuses its options will fail its first read too
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  read_on();
}

// --- reading

bool AsioConnection::wants_bytes() const noexcept {
  switch (phase_) {
    case Phase::http: return !answering();
    case Phase::open: return !paused_ && !throttled_;
    case Phase::closing:
    case Phase::draining: return true;
    case Phase::opening:
    case Phase::leaving:
    case Phase::gone: return false;
  }
  return false;
}

void AsioConnection::read_on() {
  const bool watches = phase_ == Phase::opening || (phase_ == Phase::open && !wants_bytes());
  if (waits_readable_ || !(watches || reads_now())) return;
  waits_readable_ = true;
  socket_.async_wait(TcpSocket::wait_read, Wait<&AsioConnection::on_readable>{self_});
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
    std::error_code error;
    const std::size_t count = socket_.read_some(asio::buffer(buffer.data(), buffer.size()), error);
    if (error == asio::error::would_block || error == asio::error::try_again) break;
    if (error) return lost();
    shard_.counters().bytes_in.add(count);
    total += count;
    if (phase_ == Phase::open) heard(count);
    const std::span<char> rest = use(buffer.first(count));
    if (!rest.empty()) kept_ = std::make_unique<Kept>(Kept{std::string(rest.data(), rest.size()), 0});
    if (phase_ == Phase::open && !throttled_ && overdrawn()) too_fast();
    if (count < buffer.size()) break;
  }
  read_on();
}

// Nobody wants to read. Is the peer still there? Bytes that wait hide an orderly end, but not a reset.
void AsioConnection::look_for_loss() {
  char byte;
  std::error_code error;
  socket_.receive(asio::buffer(&byte, 1), TcpSocket::message_peek, error);
  if (error == asio::error::would_block || error == asio::error::try_again) return read_on();
  if (error) return lost();
  if (std::exchange(waits_for_loss_, true)) return;
  socket_.async_wait(TcpSocket::wait_error, Wait<&AsioConnection::on_loss>{self_});
}

void AsioConnection::on_loss() {
  waits_for_loss_ = false;
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) lost();
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
  shard_.look_at_clock();
  if (kept_ && wants_bytes()) {
    auto kept = std::move(kept_);
    const std::span<char> rest = use(std::span<char>(kept->bytes).subspan(kept->used));
    kept->used = kept->bytes.size() - rest.size();
    if (!rest.empty()) kept_ = std::move(kept);
  }
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
  while (!queue_.empty()) {
    std::array<std::string_view, gathered_views> views;
    const std::size_t count = queue_.gather(views);
    std::error_code error;
    std::size_t offered = views[0].size();
    std::size_t written;
    if (count == 1) {
      written = socket_.write_some(asio::buffer(views[0]), error);
    } else {
      std::array<asio::const_buffer, gathered_views> buffers;
      buffers[0] = asio::buffer(views[0]);
      for (std::size_t i = 1; i < count; ++i) {
        buffers[i] = asio::buffer(views[i]);
        offered += views[i].size();
      }
      written = socket_.write_some(std::span<const asio::const_buffer>(buffers.data(), count), error);
    }
    if (error && error != asio::error::would_block && error != asio::error::try_again) return lost();
    if (written > 0) {
      shard_.counters().writes.add();
      shard_.counters().bytes_out.add(written);
      queue_.took(written, shard_.spares());
      if (http_) http_progress();
    }
    if (written < offered) {
      queue_.release_shared(shard_.frames());
      waits_writable_ = true;
      queue_changed(0);
      socket_.async_wait(TcpSocket::wait_write, Wait<&AsioConnection::on_writable>{self_});
      return;
    }
  }
  all_written();
}

void AsioConnection::on_writable() {
  shard_.waiting_changed(queue_.bytes(), 0);
  waits_writable_ = false;
  shard_.look_at_clock();
  validity_.heard(shard_.tick());  // its TCP has made room
  write_queued();
}

void AsioConnection::all_written() {
  if (phase_ == Phase::http) return http_written();
  if (phase_ != Phase::leaving) return;
  if (!drains_) return end();
  phase_ = Phase::draining;
  std::error_code error;
  socket_.shutdown(TcpSocket::shutdown_send, error);
  if (error) return end();
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
  switch (phase_) {
    case Phase::opening:
    case Phase::open: tell_closed(CloseReason(close_code::abnormal), Ending::vanished); break;
    case Phase::closing: tell_closed(CloseReason(*closed_with_), ending_); break;
    case Phase::http:
    case Phase::leaving:
    case Phase::draining:
    case Phase::gone: break;
  }
  end();
}

void AsioConnection::deadline_passed() {
  switch (phase_) {
    case Phase::http: return request_late();
    case Phase::opening: return refuse({503, "the application did not answer the handshake in time", {}});
    case Phase::open: return look_at_allowance();
    case Phase::gone: return;
    case Phase::closing:
    case Phase::leaving:
    case Phase::draining: shard_.counters().cut_off.add(); return lost();
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
  std::error_code ignored;  // the descriptor is closed either way
  // Words that the peer does not take are not worth a kernel buffer for minutes: reset instead.
  if (!queue_.empty()) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
  if (waits_writable_) shard_.waiting_changed(queue_.bytes(), 0);
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
