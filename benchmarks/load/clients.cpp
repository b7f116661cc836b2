// SPDX-License-Identifier: MIT
#include "load/clients.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
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

Clients::Clients(std::uint16_t port, Speech speech)
    : epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")), speech_(speech) {
  if (speech.tls) tls_.emplace();
  server_.sin_family = AF_INET;
  go_to(port);
  server_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

void Clients::go_to(std::uint16_t port) { server_.sin_port = htons(port); }

Clients::~Clients() { ::close(epoll_); }

std::size_t Clients::begin(const std::string& path, Reader reader) {
  if (free_.empty()) {
    connections_.emplace_back();
    free_.push_back(connections_.size() - 1);
  }
  const std::size_t index = free_.back();
  free_.pop_back();

  const int socket = checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  connections_[index] = {
      Link(socket), State::connecting, reader,
      fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n"
                  "Origin: http://127.0.0.1:{}\r\n{}\r\n",
                  path, ntohs(server_.sin_port), key, ntohs(server_.sin_port), speech_.compress ? Deflate::offer : ""),
      nullptr};
  set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  if (reader == Reader::stalled) {
    // The kernel should hold little for it: a small window, and small segments, by which the server's kernel measures
    // what it buffers (some 50 KB instead of 2.6 MB on loopback).
    set(socket, SOL_SOCKET, SO_RCVBUF, 4096);
    set(socket, IPPROTO_TCP, TCP_MAXSEG, 536);
  }
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(next_address_++ % speech_.addresses));
  checked(bind(socket, reinterpret_cast<sockaddr*>(&from), sizeof from), "bind");
  if (connect(socket, reinterpret_cast<sockaddr*>(&server_), sizeof server_) < 0 && errno != EINPROGRESS) {
    fail("connect");
  }
  watch(index, EPOLL_CTL_ADD, EPOLLOUT);
  return index;
}

std::size_t Clients::open(std::size_t count, const std::string& path, std::chrono::seconds patience, Reader reader) {
  const std::size_t first = connections_.size();
  const std::uint64_t began = now();
  std::size_t begun = 0, open = 0;
  on_open = [&open](std::size_t) { ++open; };
  while (open < count) {
    for (; begun < count && begun - open < 128; ++begun) begin(path, reader);
    turn(std::chrono::milliseconds(100));
    if (lost_ > 0) throw Failure("the server ended a connection while others were being opened");
    if (silence_since(began) > patience) throw Failure(fmt::format("only {} of {} connections opened", open, count));
  }
  on_open = [](std::size_t) {};
  return first;
}

void Clients::send(std::size_t index, std::string_view frames) {
  if (!connections_[index].link.write(frames)) fail("send");
}

std::string Clients::frame(std::size_t index, std::string_view payload) {
  Deflate* const deflate = connections_[index].deflate.get();
  if (!deflate) return wire::client_frame(wire::Opcode::text, payload);
  return wire::client_frame(wire::Opcode::text, deflate->deflated(payload), true);
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
    switch (connections_[index].state) {
      case State::connecting: connected(index); break;
      case State::securing: secure(index); break;
      default: readable(index);
    }
  }
}

void Clients::connected(std::size_t index) {
  Connection& connection = connections_[index];
  int error = 0;
  socklen_t length = sizeof error;
  checked(getsockopt(connection.link.socket(), SOL_SOCKET, SO_ERROR, &error, &length), "getsockopt");
  if (error != 0) throw Failure(fmt::format("connect: {}", std::strerror(error)));
  watch(index, EPOLL_CTL_MOD, EPOLLIN);
  if (!tls_) return ask(index);
  connection.state = State::securing;
  secure(index);
}

void Clients::secure(std::size_t index) {
  if (connections_[index].link.secure(*tls_) == Link::Secured::yes) ask(index);
}

void Clients::ask(std::size_t index) {
  connections_[index].state = State::handshake;
  send(index, std::exchange(connections_[index].unread, {}));
}

void Clients::readable(std::size_t index) {
  while (read_once(index) && connections_[index].link.reads_on()) {}
}

// False: there is no more for now, or that was its last.
bool Clients::read_once(std::size_t index) {
  const ssize_t got = connections_[index].link.read(buffer_);
  if (got < 0 && errno == EAGAIN) return false;
  if (got <= 0) {
    ended(index);
    return false;
  }
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
      if (!take(index, *next)) return false;
      bytes = bytes.subspan(next->size);
    }
  }
  connections_[index].unread.assign(bytes.data(), bytes.size());
  return true;
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
  connection.deflate = Deflate::agreed(bytes.substr(0, end + 2));
  if (speech_.compress && !connection.deflate) throw Failure("the server does not compress");
  if (connection.reader == Reader::stalled) watch(index, EPOLL_CTL_DEL, 0);
  on_open(index);
  return end + head_end.size();
}

// False: that was its last.
bool Clients::take(std::size_t index, const wire::Frame& frame) {
  const std::string_view payload(frame.payload.data(), frame.payload.size());
  switch (frame.opcode) {
    case wire::Opcode::text:
    case wire::Opcode::binary:
      if (!frame.compressed) {
        on_message(index, payload);
      } else if (Deflate* const deflate = connections_[index].deflate.get()) {
        on_message(index, deflate->inflated(payload));
      } else {
        throw Failure("a compressed message, though nothing was agreed on");
      }
      break;
    case wire::Opcode::ping: send(index, wire::client_frame(wire::Opcode::pong, payload)); break;
    case wire::Opcode::pong: break;
    case wire::Opcode::close: ended(index); return false;
  }
  return true;
}

void Clients::ended(std::size_t index) {
  Connection& connection = connections_[index];
  if (connection.state != State::closing) ++lost_;
  connection = {};  // its socket is closed, and epoll forgets it, too
  free_.push_back(index);
  on_closed(index);
}

void Clients::watch(std::size_t index, int operation, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = index;
  checked(epoll_ctl(epoll_, operation, connections_[index].link.socket(), &event), "epoll_ctl");
}

}  // namespace load
