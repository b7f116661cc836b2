// SPDX-License-Identifier: MIT
// A stream's socket: finds the address, connects, perhaps with TLS, reads and writes.
#pragma once

#include <array>
#include <asio/generic/stream_protocol.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/stream.hpp>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/loop/asio_executor.hpp"
#include "sluice/transport/byte_stream.hpp"

namespace sluice::SLUICE_ABI::net {

/// It works on the socket's executor, `io`, and makes its callbacks on the stream's, `home`, which may be the same.
/// open, write, pause_reading, resume_reading and leave: home only.
class ClientSocket : public std::enable_shared_from_this<ClientSocket> {
 public:
  ClientSocket(const Endpoint& to, AsioExecutor& io, Executor& home, StreamEvents& events);

  void open();
  void write(std::string bytes);
  void pause_reading() noexcept { paused_ = true; }
  void resume_reading();
  /// The stream is destroyed: no further callback.
  void leave();
  std::size_t unwritten() const noexcept { return unwritten_.load(std::memory_order_relaxed); }

 private:
  using Socket = asio::generic::stream_protocol::socket;
  using Address = asio::generic::stream_protocol::endpoint;

  template <class F>
  void on_io(F work);
  template <class F>
  void on_home(F work);
  void find();
  void connect(std::size_t address, const std::string& last_failure);
  void secure();
  void opened();
  template <class F>
  void notify(F call) noexcept;
  void read_next();
  void read();
  void take(std::size_t bytes);
  void write_at_once();
  void flush();
  void fail(std::string_view what, const std::string& why);
  void close();

  const Endpoint to_;
  AsioExecutor& io_;
  Executor& home_;
  StreamEvents* events_;

  Socket socket_;
  std::optional<asio::ssl::context> tls_context_;
  std::optional<asio::ssl::stream<Socket&>> tls_;
  std::vector<Address> addresses_;
  std::string queued_;
  std::string writing_;
  std::atomic<std::size_t> unwritten_{0};
  std::array<char, 16 * 1024> buffer_;
  bool open_ = false;
  bool closed_ = false;
  bool paused_ = false;      // at home
  bool read_waits_ = false;  // for the end of the pause
};

}  // namespace sluice::SLUICE_ABI::net
