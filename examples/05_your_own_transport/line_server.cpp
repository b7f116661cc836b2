// SPDX-License-Identifier: MIT
#include "line_server.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace {

/// "127.0.0.1:51234", and the port alone.
struct Place {
  std::string text;
  std::uint16_t port = 0;
};

Place place_of(const sockaddr_storage& address, socklen_t bytes) {
  char host[NI_MAXHOST] = "?";
  char port[NI_MAXSERV] = "0";
  ::getnameinfo(reinterpret_cast<const sockaddr*>(&address), bytes, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
  return {fmt::format("{}:{}", host, port), static_cast<std::uint16_t>(std::stoi(port))};
}

[[noreturn]] void fail(const std::string& host, std::uint16_t port, const char* why) {
  throw std::runtime_error(fmt::format("listen on {} port {}: {}", host, port, why));
}

/// A socket that listens there, or -1 with errno.
int listening_socket(const addrinfo& at) {
  const int made = ::socket(at.ai_family, at.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at.ai_protocol);
  const int on = 1;
  if (made < 0) return -1;
  if (::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      ::bind(made, at.ai_addr, at.ai_addrlen) == 0 && ::listen(made, SOMAXCONN) == 0) {
    return made;
  }
  const int error = errno;
  ::close(made);
  errno = error;
  return -1;
}

}  // namespace

/// Waits for clients, on the first loop.
class LineServer::Door final : public Watcher {
 public:
  Door(LineServer& server, int listening) : server_(server), listening_(listening) {}

  short wants() const override { return POLLIN; }

  void ready(short) override {
    sockaddr_storage address{};
    socklen_t bytes = sizeof address;
    const int socket =
        ::accept4(listening_, reinterpret_cast<sockaddr*>(&address), &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) return;
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    server_.welcome(socket, place_of(address, bytes).text);
  }

 private:
  LineServer& server_;
  const int listening_;
};

LineServer::LineServer(PollLoops& loops, sluice::Gateway& gateway, sluice::ServerLimits limits)
    : loops_(loops), gateway_(gateway), limits_(limits) {}

LineServer::~LineServer() {
  if (listening_ >= 0) ::close(listening_);
}

std::uint16_t LineServer::listen(const std::string& host, std::uint16_t port) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found); error != 0) {
    fail(host, port, ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);
  listening_ = listening_socket(*found);
  if (listening_ < 0) fail(host, port, std::strerror(errno));

  sockaddr_storage address{};
  socklen_t bytes = sizeof address;
  ::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &bytes);
  PollLoop& first = loops_.at(0);
  first.post([this, &first] { first.watch(listening_, std::make_shared<Door>(*this, listening_)); });
  return place_of(address, bytes).port;
}

void LineServer::welcome(int socket, std::string client_address) {
  std::lock_guard lock(mutex_);
  const std::size_t number = welcomed_++;
  PollLoop& loop = loops_.at(number % loops_.size());
  auto connection = std::make_shared<LineConnection>(socket, std::move(client_address), loop, gateway_, limits_,
                                                     [this, number] { gone(number); });
  if (stopping_) return;
  clients_.emplace(number, Client{loop, connection});
  loop.post([connection] { connection->start(); });
}

void LineServer::gone(std::size_t number) {
  std::lock_guard lock(mutex_);
  clients_.erase(number);
  if (clients_.empty()) all_gone_.notify_all();
}

void LineServer::stop() {
  PollLoop& first = loops_.at(0);
  first.post([&first, listening = listening_] { first.forget(listening); });
  std::unique_lock lock(mutex_);
  stopping_ = true;
  for (const auto& [number, client] : clients_) {
    client.loop.post([weak = client.connection] {
      if (const auto connection = weak.lock())
        connection->stop(sluice::CloseReason(sluice::close_code::service_restart));
    });
  }
  all_gone_.wait(lock, [&] { return clients_.empty(); });
}
