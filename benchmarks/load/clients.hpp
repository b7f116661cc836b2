// SPDX-License-Identifier: MIT
// Many WebSocket clients in one thread on bare epoll, so that the load costs less than what it measures
#pragma once

#include <netinet/in.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/deflate.hpp"
#include "load/failure.hpp"
#include "load/link.hpp"
#include "load/wire.hpp"

namespace load {

using Clock = std::chrono::steady_clock;
inline std::uint64_t now() {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now().time_since_epoch()).count());
}

/// Connections to one server on loopback, each known by its index. One thread at a time.
class Clients {
 public:
  enum class Reader : std::uint8_t { quick, stalled };  // a stalled one never reads after its handshake

  /// How the clients speak.
  struct Speech {
    std::size_t addresses = 4;  // how many of 127.0.0.1, 127.0.0.2, ... they come from, 28,000 ports each
    bool compress = false;      // offer permessage-deflate; it is an error if the server declines
    bool tls = false;
  };

  Clients(std::uint16_t port, Speech speech);
  ~Clients();
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  /// Connections that are opened from now on go to this port.
  void go_to(std::uint16_t port);
  /// Begins one handshake; on_open follows in some turn.
  std::size_t begin(const std::string& path, Reader reader = Reader::quick);
  /// `count` connections, 128 at a time, until all are open; the index of the first. Fails after `patience` without a
  /// word from the server.
  std::size_t open(std::size_t count, const std::string& path, std::chrono::seconds patience,
                   Reader reader = Reader::quick);
  /// A text message as this connection sends it.
  std::string frame(std::size_t index, std::string_view payload);
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
  /// For how long the server has said nothing, since `begin` at most.
  std::chrono::nanoseconds silence_since(std::uint64_t begin) const {
    return std::chrono::nanoseconds(now() - std::max(begin, read_at_));
  }

  std::function<void(std::size_t index)> on_open = [](std::size_t) {};
  std::function<void(std::size_t index, std::string_view payload)> on_message = [](std::size_t, std::string_view) {};
  std::function<void(std::size_t index)> on_closed = [](std::size_t) {};

 private:
  enum class State : std::uint8_t { connecting, securing, handshake, open, closing, ended };
  struct Connection {
    Link link;
    State state = State::ended;
    Reader reader = Reader::quick;
    std::string unread;  // the request while connecting, then what came of a frame that is not complete
    std::unique_ptr<Deflate> deflate;
  };

  void connected(std::size_t index);
  void secure(std::size_t index);
  void ask(std::size_t index);
  void readable(std::size_t index);
  bool read_once(std::size_t index);
  std::size_t answered(std::size_t index, std::string_view bytes);
  bool take(std::size_t index, const wire::Frame& frame);
  void ended(std::size_t index);
  void watch(std::size_t index, int operation, std::uint32_t events);

  int epoll_;
  sockaddr_in server_{};
  Speech speech_;
  std::optional<Tls> tls_;
  std::size_t next_address_ = 0;
  std::deque<Connection> connections_;
  std::vector<std::size_t> free_;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
  std::size_t lost_ = 0;
  std::uint64_t read_at_ = 0;
};

}  // namespace load
