// SPDX-License-Identifier: MIT
// A cpp-httplib server with handlers of its own; each connection that asks for /ws/ is handed over to Sluice.
#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "site.hpp"
#include "sluice/net/signals.hpp"
#include "support/options.hpp"

namespace {

/// A connection as cpp-httplib reads it: not a byte more than it uses.
class SocketStream final : public httplib::Stream {
 public:
  explicit SocketStream(socket_t socket) : socket_(socket) {}
  bool is_readable() const override { return ready(POLLIN); }
  bool is_writable() const override { return ready(POLLOUT); }
  ssize_t read(char* bytes, std::size_t size) override { return ::recv(socket_, bytes, size, 0); }
  ssize_t write(const char* bytes, std::size_t size) override { return ::send(socket_, bytes, size, MSG_NOSIGNAL); }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return socket_; }

 private:
  bool ready(short events) const {
    pollfd asked{socket_, events, 0};
    return ::poll(&asked, 1, 5'000) == 1;
  }
  socket_t socket_;
};

class Server final : public httplib::Server {
 public:
  explicit Server(sluice::AsioServer& sluice) : sluice_(sluice) {}

 private:
  // cpp-httplib calls it in a thread of its pool. It looks at the next request before it reads any of it.
  bool process_and_close_socket(socket_t socket) override {
    const timeval patience{5, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    constexpr std::string_view ours = "GET /ws/";
    char bytes[ours.size()];
    while (::recv(socket, bytes, sizeof bytes, MSG_PEEK | MSG_WAITALL) == sizeof bytes) {
      if (std::string_view(bytes, sizeof bytes) == ours) {
        const auto adopted = sluice_.adopt(socket);
        if (adopted) return true;
        std::fprintf(stderr, "%s\n", adopted.error().message().c_str());
        break;
      }
      SocketStream stream(socket);
      bool closed = false;
      if (!process(stream, closed) || closed) break;
    }
    ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
    return true;
  }

  // Newer versions also take the addresses of both ends.
  template <class Stream>
  bool process(Stream& stream, bool& closed) {
    if constexpr (requires { this->process_request(stream, false, closed, nullptr); }) {
      return this->process_request(stream, false, closed, nullptr);
    } else {
      return this->process_request(stream, std::string(), 0, std::string(), 0, false, closed, nullptr);
    }
  }

  sluice::AsioServer& sluice_;
};

}  // namespace

int main(int argc, char** argv) try {
  Listen listen;
  Options("A cpp-httplib server whose WebSockets Sluice serves", listen).parse(argc, argv);
  sluice::StopSignals signals;
  Site site(listen.thread_count());
  Server server(site.server());
  server.Get("/hello", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("hello from cpp-httplib\n", "text/plain");
  });
  int port = listen.port;
  if (port == 0)
    port = server.bind_to_any_port(listen.host);
  else if (!server.bind_to_port(listen.host, port))
    port = -1;
  if (port < 0) throw std::runtime_error("can't listen there");
  std::thread accepting([&] { server.listen_after_bind(); });
  announce(listen.host, static_cast<std::uint16_t>(port));
  signals.wait();
  server.stop();
  accepting.join();
  site.server().stop();
  site.server().wait();
} catch (const std::exception& error) {
  std::fprintf(stderr, "httplib: %s\n", error.what());
  return 1;
}
