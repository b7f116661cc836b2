// SPDX-License-Identifier: MIT
#include "poll_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/// The listening socket, on the first loop.
class PollServer::Door final : public Watcher {
 public:
  explicit Door(PollServer& server) : server_(server) {}
  short wants() const override { return POLLIN; }
  void ready(short) override {
    const int socket = ::accept4(server_.listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) server_.add(socket);
  }

 private:
  PollServer& server_;
};

PollServer::PollServer(PollLoops& loops, sluice::Gateway& gateway, sluice::ServerLimits limits)
    : loops_(loops), gateway_(gateway), limits_(limits) {}

PollServer::~PollServer() {
  if (listening_ >= 0) ::close(listening_);
}

void PollServer::accept_at(int listening) {
  listening_ = listening;
  loops_.at(0).post([this] { loops_.at(0).watch(listening_, std::make_shared<Door>(*this)); });
}

void PollServer::add(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::lock_guard lock(mutex_);
  const std::size_t number = accepted_++;
  PollLoop& loop = loops_.at(number % loops_.size());
  const auto made = std::make_shared<PollSocket>(socket, loop, gateway_, limits_, [this, number] { gone(number); });
  sockets_.emplace(number, made);
  loop.post([made] { made->start(); });
}

void PollServer::gone(std::size_t number) {
  std::lock_guard lock(mutex_);
  sockets_.erase(number);
  if (sockets_.empty()) all_gone_.notify_all();
}

void PollServer::stop(const sluice::CloseReason& reason) {
  loops_.at(0).post([this, reason] {  // behind the connections that the first loop has accepted
    loops_.at(0).forget(listening_);
    std::lock_guard lock(mutex_);
    stopping_ = true;
    all_gone_.notify_all();
    for (const auto& [number, socket] : sockets_) {
      loops_.at(number % loops_.size()).post([weak = socket, reason] {
        if (const auto alive = weak.lock()) alive->stop(reason);
      });
    }
  });
}

void PollServer::wait() {
  std::unique_lock lock(mutex_);
  all_gone_.wait(lock, [this] { return stopping_ && sockets_.empty(); });
}
