// SPDX-License-Identifier: MIT
// A TCP client that a test controls byte by byte, and that waits at most a minute for an answer.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "support/client_frame.hpp"

namespace sluice::test {

/// What a read found: bytes, or why there are none.
inline constexpr std::string_view end_of_stream = "<end>";
inline constexpr std::string_view reset_by_peer = "<reset>";
inline constexpr std::string_view nothing_came = "<nothing>";

class BlockingClient {
 public:
  static constexpr int patience = 60'000;  // milliseconds

  explicit BlockingClient(std::uint16_t port, int receive_buffer = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    set_patience(patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error("connect");
  }
  BlockingClient(BlockingClient&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), ahead_(std::move(other.ahead_)) {}
  virtual ~BlockingClient() { hang_up(); }

  void set_patience(int milliseconds) {
    const timeval patience{milliseconds / 1000, milliseconds % 1000 * 1000};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }

  /// False: the peer takes no more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = put(bytes);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void send_bytewise(std::string_view bytes) {
    for (const char byte : bytes) send({&byte, 1});
  }

  /// Up to and with `mark`; or what came before the end, and why no more came.
  std::string read_until(std::string_view mark) {
    for (;;) {
      if (const auto at = ahead_.find(mark); at != ahead_.npos) return take(at + mark.size());
      if (const auto end = read_more(); !end.empty()) return take(ahead_.size()) + std::string(end);
    }
  }
  std::string read_exactly(std::size_t count) {
    while (ahead_.size() < count) {
      if (const auto end = read_more(); !end.empty()) return take(ahead_.size()) + std::string(end);
    }
    return take(count);
  }
  /// All that comes until the end; then what kind of end it was.
  std::string read_to_end() { return read_until("\r\n no such line \r\n"); }
  /// Nothing arrived within this time, and the connection is open.
  bool hears_nothing_for(int milliseconds) {
    set_patience(milliseconds);
    const bool nothing = ahead_.empty() && read_more() == nothing_came;
    set_patience(patience);
    return nothing;
  }

  void end_sending() { ::shutdown(socket_, SHUT_WR); }
  void hang_up() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    hang_up();
  }

  // --- WebSocket

  static std::string upgrade_request(std::string_view path = "/", std::string_view more_headers = {}) {
    return "GET " + std::string(path) +
           " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
           std::string(more_headers) + "\r\n";
  }
  /// Sends an upgrade and returns the head of the answer.
  std::string upgrade(std::string_view path = "/", std::string_view more_headers = {}) {
    send(upgrade_request(path, more_headers));
    return read_until("\r\n\r\n");
  }
  void say(std::string_view text) { send(client_text(text)); }

  /// The next frame as a line: "text hello", "compressed text ..", "binary ..", "ping ..", "pong ..", "close 1000 bye",
  /// "close" without a code; or the kind of end.
  std::string hear() {
    std::string header = read_exactly(2);
    if (header.size() != 2) return header;
    std::uint64_t length = static_cast<std::uint8_t>(header[1]);
    if (length & 0x80) return "a masked frame";
    if (length >= 126) {
      const std::string longer = read_exactly(length == 126 ? 2 : 8);
      length = 0;
      for (const char byte : longer) length = length << 8 | static_cast<std::uint8_t>(byte);
    }
    const std::string payload = read_exactly(length);
    switch (static_cast<std::uint8_t>(header[0])) {
      case 0x81: return "text " + payload;
      case 0xc1: return "compressed text " + payload;
      case 0x82: return "binary " + payload;
      case 0xc2: return "compressed binary " + payload;
      case 0x89: return "ping " + payload;
      case 0x8a: return "pong " + payload;
      case 0x88: return closing(payload);
      default: return "an unexpected frame";
    }
  }

 protected:
  /// What the test says goes through these two, so that a client may speak TLS. As send() and recv() of the system.
  virtual ssize_t put(std::string_view bytes) { return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  virtual ssize_t get(std::span<char> into) { return ::recv(socket_, into.data(), into.size(), 0); }

 private:
  static std::string closing(std::string_view payload) {
    if (payload.empty()) return "close";
    const int code = static_cast<std::uint8_t>(payload[0]) << 8 | static_cast<std::uint8_t>(payload[1]);
    std::string line = "close " + std::to_string(code);
    return payload.size() > 2 ? line + " " + std::string(payload.substr(2)) : line;
  }
  std::string take(std::size_t count) {
    std::string taken = ahead_.substr(0, count);
    ahead_.erase(0, count);
    return taken;
  }
  std::string_view read_more() {
    char bytes[16 * 1024];
    const ssize_t count = get(bytes);
    if (count > 0) {
      ahead_.append(bytes, static_cast<std::size_t>(count));
      return {};
    }
    if (count == 0) return end_of_stream;
    return errno == EAGAIN || errno == EWOULDBLOCK ? nothing_came : reset_by_peer;
  }

  int socket_;
  std::string ahead_;
};

}  // namespace sluice::test
