// SPDX-License-Identifier: MIT
// A server on a plain epoll loop: it reads requests, answers some, and hands over connections that ask for /ws/.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>

#include "site.hpp"
#include "support/listening.hpp"

namespace {

constexpr std::string_view not_found =
    "HTTP/1.1 404 Not Found\r\nContent-Length: 18\r\nConnection: close\r\n\r\nthe loop has none\n";

/// Reads requests of all connections in one thread.
class Loop {
 public:
  Loop(int listening, sluice::AsioServer& sluice, const sigset_t& end)
      : sluice_(sluice), listening_(listening), signals_(::signalfd(-1, &end, SFD_CLOEXEC)) {}
  ~Loop() {
    for (const auto& [descriptor, read] : requests_) ::close(descriptor);
    for (const int descriptor : {listening_, signals_, epoll_}) ::close(descriptor);
  }

  /// Until a signal asks the program to end.
  void run() {
    watch(listening_);
    watch(signals_);
    for (;;) {
      epoll_event event{};
      if (::epoll_wait(epoll_, &event, 1, -1) < 1) continue;
      if (event.data.fd == signals_) return;
      event.data.fd == listening_ ? accept() : read(event.data.fd);
    }
  }

 private:
  void watch(int descriptor) {
    epoll_event event{EPOLLIN, {.fd = descriptor}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
  }

  void accept() {
    const int descriptor = ::accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return;
    requests_.emplace(descriptor, std::string());
    watch(descriptor);
  }

  void read(int descriptor) {
    std::string& request = requests_[descriptor];
    char bytes[4096];
    const ssize_t count = ::recv(descriptor, bytes, sizeof bytes, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return drop(descriptor);
    request.append(bytes, static_cast<std::size_t>(count));
    const std::string_view target = std::string_view(request).substr(0, request.find("\r\n"));
    if (target.starts_with("GET /ws/")) return hand_over(descriptor);
    if (request.find("\r\n\r\n") == request.npos && request.size() < 8'000) return;
    (void)::send(descriptor, not_found.data(), not_found.size(), MSG_NOSIGNAL);
    drop(descriptor);
  }

  // From here on the loop neither waits for the descriptor, nor reads it, nor closes it. A head need not be complete.
  void hand_over(int descriptor) {
    const auto request = requests_.extract(descriptor);
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
    if (const auto adopted = sluice_.adopt(descriptor, request.mapped()); !adopted) {
      std::fprintf(stderr, "%s\n", adopted.error().message().c_str());
      ::close(descriptor);
    }
  }

  void drop(int descriptor) {
    requests_.erase(descriptor);
    ::close(descriptor);
  }

  sluice::AsioServer& sluice_;
  const int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  const int listening_;
  const int signals_;
  std::map<int, std::string> requests_;  // by descriptor: what was read
};

}  // namespace

int main(int argc, char** argv) try {
  Listen listen;
  Options("A server on epoll whose WebSockets Sluice serves", listen).parse(argc, argv);
  sigset_t end;
  sigemptyset(&end);
  sigaddset(&end, SIGINT);
  sigaddset(&end, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &end, nullptr);  // before there are threads, which inherit it
  Site site(listen.thread_count());
  Loop loop(listening_socket(listen), site.server(), end);
  loop.run();
  site.server().stop();
  site.server().wait();
} catch (const std::exception& error) {
  std::fprintf(stderr, "epoll: %s\n", error.what());
  return 1;
}
