// SPDX-License-Identifier: MIT
// Many WebSocket clients in one thread on bare epoll, so that the load costs less than what it measures
#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "load/wire.hpp"

namespace load {

/// Something that makes the run worthless: said on stderr, exit 1.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using Clock = std::chrono::steady_clock;
inline std::uint64_t now() {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now().time_since_epoch()).count());
}

/// Connections to one server on loopback, each known by its index. One thread at a time.
class Clients {
 public:
  enum class Reader : std::uint8_t { quick, stalled };  // a stalled one never reads after its handshake

  /// `addresses`: how many of 127.0.0.1, 127.0.0.2, ... the clients come from, 28,000 ports each.
  Clients(std::uint16_t port, std::size_t addresses, bool tls);
  ~Clients();
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  /// Begins one handshake; on_open follows in some turn.
  std::size_t begin(const std::string& path, Reader reader = Reader::quick);
  /// `count` connections, 128 at a time, until all are open; the index of the first. Fails if that takes `limit`.
  std::size_t open(std::size_t count, const std::string& path, std::chrono::seconds limit,
                   Reader reader = Reader::quick);
  /// Ready frames; blocks while the socket is full.
  void send(std::size_t index, std::string_view frames);
  /// Sends a close frame; on_closed follows when the server has ended the connection.
  void close(std::size_t index);
  /// Waits for the server and handles what it says, once.
  void turn(std::chrono::milliseconds at_most);

  /// How many connections the server ended although nobody had asked for it.
  std::size_t lost() const noexcept { return lost_; }
  /// When the last read returned: what all of its messages are timed by, in nanoseconds.
  std::uint64_t read_at() const noexcept { return read_at_; }

  std::function<void(std::size_t index)> on_open = [](std::size_t) {};
  std::function<void(std::size_t index, std::string_view payload)> on_message = [](std::size_t, std::string_view) {};
  std::function<void(std::size_t index)> on_closed = [](std::size_t) {};

 private:
  enum class State : std::uint8_t { connecting, handshake, open, closing, ended };
  struct Connection {
    int socket = -1;
    SSL* tls = nullptr;
    State state = State::ended;
    Reader reader = Reader::quick;
    std::string unread;  // the request while connecting, then what came of a frame that is not complete
  };

  std::size_t push(Connection& connection, std::string_view bytes);
  std::ptrdiff_t pull(Connection& connection);
  void connected(std::size_t index);
  void readable(std::size_t index);
  std::size_t answered(std::size_t index, std::string_view bytes);
  bool take(std::size_t index, const wire::Frame& frame);
  void ended(std::size_t index);
  void watch(std::size_t index, int operation, std::uint32_t events);

  int epoll_;
  SSL_CTX* tls_ = nullptr;
  sockaddr_in server_{};
  std::size_t addresses_;
  std::size_t next_address_ = 0;
  std::deque<Connection> connections_;
  std::vector<std::size_t> free_;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
  std::size_t lost_ = 0;
  std::uint64_t read_at_ = 0;
};

}  // namespace load
