// SPDX-License-Identifier: MIT
#include "load/clients.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace load {

namespace {

// A fixed key and its answer: RFC 6455 section 1.3.
constexpr std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
constexpr std::string_view head_end = "\r\n\r\n";

[[noreturn]] void fail(std::string_view what) { throw Failure(fmt::format("{}: {}", what, std::strerror(errno))); }

int checked(int result, std::string_view what) {
  if (result < 0) fail(what);
  return result;
}

void set(int socket, int level, int option, int value) {
  checked(setsockopt(socket, level, option, &value, sizeof value), "setsockopt");
}

}  // namespace

Clients::Clients(std::uint16_t port, std::size_t addresses, bool tls)
    : epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")), addresses_(addresses) {
  if (tls) {
    std::signal(SIGPIPE, SIG_IGN);
    tls_ = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(tls_, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(tls_, 1);
  }
  server_.sin_family = AF_INET;
  server_.sin_port = htons(port);
  server_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

Clients::~Clients() {
  for (const Connection& connection : connections_) {
    if (connection.socket >= 0) ::close(connection.socket);
    SSL_free(connection.tls);
  }
  SSL_CTX_free(tls_);
  ::close(epoll_);
}

std::size_t Clients::begin(const std::string& path, Reader reader) {
  if (free_.empty()) {
    connections_.emplace_back();
    free_.push_back(connections_.size() - 1);
  }
  const std::size_t index = free_.back();
  free_.pop_back();

  const int socket = checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  connections_[index] = {socket, nullptr, State::connecting, reader,
                         fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\n"
                                     "Connection: Upgrade\r\nSec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n"
                                     "Origin: http://127.0.0.1:{}\r\n\r\n",
                                     path, ntohs(server_.sin_port), key, ntohs(server_.sin_port))};
  set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  if (reader == Reader::stalled) set(socket, SOL_SOCKET, SO_RCVBUF, 4096);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(next_address_++ % addresses_));
  checked(bind(socket, reinterpret_cast<sockaddr*>(&from), sizeof from), "bind");
  if (connect(socket, reinterpret_cast<sockaddr*>(&server_), sizeof server_) < 0 && errno != EINPROGRESS) {
    fail("connect");
  }
  watch(index, EPOLL_CTL_ADD, EPOLLOUT);
  return index;
}

std::size_t Clients::open(std::size_t count, const std::string& path, std::chrono::seconds limit, Reader reader) {
  const std::size_t first = connections_.size();
  const auto until = Clock::now() + limit;
  std::size_t begun = 0, open = 0;
  on_open = [&open](std::size_t) { ++open; };
  while (open < count) {
    for (; begun < count && begun - open < 128; ++begun) begin(path, reader);
    turn(std::chrono::milliseconds(100));
    if (lost_ > 0) throw Failure("the server ended a connection while others were being opened");
    if (Clock::now() > until) throw Failure(fmt::format("only {} of {} connections were open in time", open, count));
  }
  on_open = [](std::size_t) {};
  return first;
}

void Clients::send(std::size_t index, std::string_view frames) {
  while (!frames.empty()) frames.remove_prefix(push(connections_[index], frames));
}

// Some of the bytes, as soon as there is room; with TLS, after the handshake.
std::size_t Clients::push(Connection& connection, std::string_view bytes) {
  for (;;) {
    short awaited = POLLOUT;
    if (connection.tls) {
      const int result = SSL_write(connection.tls, bytes.data(), static_cast<int>(bytes.size()));
      if (result > 0) return static_cast<std::size_t>(result);
      const int why = SSL_get_error(connection.tls, result);
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) throw Failure("TLS failed");
      if (why == SSL_ERROR_WANT_READ) awaited = POLLIN;
    } else {
      const ssize_t sent = ::send(connection.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) return static_cast<std::size_t>(sent);
      if (errno != EAGAIN) fail("send");
    }
    pollfd waiting{connection.socket, awaited, 0};
    if (poll(&waiting, 1, 10'000) == 0) throw Failure("the server has read nothing for 10 seconds");
  }
}

// Into the buffer: how many bytes, 0 at the end, -1 when there are none now.
std::ptrdiff_t Clients::pull(Connection& connection) {
  if (!connection.tls) {
    const ssize_t got = recv(connection.socket, buffer_.data(), buffer_.size(), 0);
    return got >= 0 ? got : errno == EAGAIN ? -1 : 0;
  }
  std::size_t total = 0;
  while (total < buffer_.size()) {
    const int got = SSL_read(connection.tls, buffer_.data() + total, static_cast<int>(buffer_.size() - total));
    if (got > 0) {
      total += static_cast<std::size_t>(got);
      if (SSL_has_pending(connection.tls)) continue;
      break;
    }
    if (total > 0) break;
    return SSL_get_error(connection.tls, got) == SSL_ERROR_WANT_READ ? -1 : 0;
  }
  return static_cast<std::ptrdiff_t>(total);
}

void Clients::close(std::size_t index) {
  connections_[index].state = State::closing;
  send(index, wire::client_frame(wire::Opcode::close, "\x03\xe8"));  // 1000
}

void Clients::turn(std::chrono::milliseconds at_most) {
  std::array<epoll_event, 1024> events;
  const int count = epoll_wait(epoll_, events.data(), events.size(), static_cast<int>(at_most.count()));
  if (count < 0 && errno != EINTR) fail("epoll_wait");
  for (int i = 0; i < count; ++i) {
    const std::size_t index = events[static_cast<std::size_t>(i)].data.u64;
    if (connections_[index].state == State::connecting) {
      connected(index);
    } else {
      readable(index);
    }
  }
}

void Clients::connected(std::size_t index) {
  Connection& connection = connections_[index];
  int error = 0;
  socklen_t length = sizeof error;
  checked(getsockopt(connection.socket, SOL_SOCKET, SO_ERROR, &error, &length), "getsockopt");
  if (error != 0) throw Failure(fmt::format("connect: {}", std::strerror(error)));
  if (tls_) {
    connection.tls = SSL_new(tls_);
    SSL_set_fd(connection.tls, connection.socket);
    SSL_set_connect_state(connection.tls);
  }
  connection.state = State::handshake;
  watch(index, EPOLL_CTL_MOD, EPOLLIN);
  send(index, std::exchange(connection.unread, {}));
}

void Clients::readable(std::size_t index) {
  const std::ptrdiff_t got = pull(connections_[index]);
  if (got < 0) return;
  if (got == 0) return ended(index);
  read_at_ = now();

  std::string joined = std::exchange(connections_[index].unread, {});
  std::span<char> bytes(buffer_.data(), static_cast<std::size_t>(got));
  if (!joined.empty()) {
    joined.append(bytes.data(), bytes.size());
    bytes = joined;
  }
  if (connections_[index].state == State::handshake) {
    bytes = bytes.subspan(answered(index, {bytes.data(), bytes.size()}));
  }
  if (connections_[index].state != State::handshake) {
    while (const auto next = wire::first_frame(bytes)) {
      if (!take(index, *next)) return;
      bytes = bytes.subspan(next->size);
    }
  }
  connections_[index].unread.assign(bytes.data(), bytes.size());
  if (connections_[index].tls && SSL_pending(connections_[index].tls) > 0) readable(index);
}

// How many bytes of the answer's head there were; none while it is not complete.
std::size_t Clients::answered(std::size_t index, std::string_view bytes) {
  const std::size_t end = bytes.find(head_end);
  if (end == bytes.npos) return 0;
  if (!bytes.starts_with("HTTP/1.1 101") || bytes.find(accept) > end) {
    throw Failure(fmt::format("the server refused the handshake: {}", bytes.substr(0, 300)));
  }
  Connection& connection = connections_[index];
  connection.state = State::open;
  if (connection.reader == Reader::stalled) watch(index, EPOLL_CTL_DEL, 0);
  on_open(index);
  return end + head_end.size();
}

// False: that was its last.
bool Clients::take(std::size_t index, const wire::Frame& frame) {
  const std::string_view payload(frame.payload.data(), frame.payload.size());
  switch (frame.opcode) {
    case wire::Opcode::text:
    case wire::Opcode::binary: on_message(index, payload); break;
    case wire::Opcode::ping: send(index, wire::client_frame(wire::Opcode::pong, payload)); break;
    case wire::Opcode::pong: break;
    case wire::Opcode::close: ended(index); return false;
  }
  return true;
}

void Clients::ended(std::size_t index) {
  Connection& connection = connections_[index];
  if (connection.state != State::closing) ++lost_;
  ::close(connection.socket);  // epoll forgets it, too
  SSL_free(connection.tls);
  connection = {};
  free_.push_back(index);
  on_closed(index);
}

void Clients::watch(std::size_t index, int operation, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = index;
  checked(epoll_ctl(epoll_, operation, connections_[index].socket, &event), "epoll_ctl");
}

}  // namespace load
