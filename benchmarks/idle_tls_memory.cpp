// SPDX-License-Identifier: MIT
// What an idle TLS connection keeps: Sluice's, and a bare asio::ssl::stream that waits for its next byte
#include <fmt/format.h>
#include <malloc.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/stream.hpp>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "sluice/consumer/host.hpp"
#include "sluice/layer/in_memory_channel_layer.hpp"
#include "sluice/net/asio_executors.hpp"
#include "sluice/net/asio_server.hpp"
#include "support/options.hpp"

namespace {

using namespace sluice;
using Tcp = asio::ip::tcp;

constexpr int warm = 200, counted = 1000;  // first the tables grow to their size

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// All that malloc has given out and not got back: new's memory and OpenSSL's alike.
long allocated() { return static_cast<long>(mallinfo2().uordblks + mallinfo2().hblkhd); }

// Clients in a process of their own, so that their memory is not counted.
class Clients {
 public:
  explicit Clients(int version) : version_(version) {
    if (pipe(orders_.data()) != 0 || pipe(answers_.data()) != 0) throw Failure("pipe");
    process_ = fork();
    if (process_ < 0) throw Failure("fork");
    if (process_ == 0) _exit(obey());
    ::close(orders_[0]);
    ::close(answers_[1]);
  }
  ~Clients() {
    ::close(orders_[1]);
    ::close(answers_[0]);
    waitpid(process_, nullptr, 0);
  }
  /// Connects so many more, each with a WebSocket's handshake, and waits for the answers.
  void connect(std::uint16_t port, int count) {
    const Order order{port, count};
    char done = 0;
    if (write(orders_[1], &order, sizeof order) != sizeof order || read(answers_[0], &done, 1) != 1) {
      throw Failure("the clients failed");
    }
  }

 private:
  struct Order {
    std::uint16_t port;
    int count;
  };

  int obey() {
    ::close(orders_[1]);
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context, version_);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    Order order;
    while (read(orders_[0], &order, sizeof order) == sizeof order) {
      for (int i = 0; i < order.count; ++i) {
        if (!enter(context, order.port)) return 1;
      }
      if (write(answers_[1], "", 1) != 1) return 1;
    }
    return 0;
  }
  static bool enter(SSL_CTX* context, std::uint16_t port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string request =
        "GET /room HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    std::array<char, 512> answer;
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return false;
    SSL* const session = SSL_new(context);
    SSL_set_fd(session, socket);
    return SSL_connect(session) == 1 && SSL_write(session, request.data(), static_cast<int>(request.size())) > 0 &&
           SSL_read(session, answer.data(), answer.size()) >= 12;
  }

  const int version_;
  std::array<int, 2> orders_{}, answers_{};
  pid_t process_ = 0;
};

void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(200)); }

void report(std::string_view what, long before) {
  fmt::print("{:44} {:>8} bytes\n", what, (allocated() - before) / counted);
}

class Silent : public Consumer {};

void measure_sluice(std::string_view what, int version, const std::optional<TlsContext>& tls) {
  Clients clients(version);
  AsioExecutors executors(1);
  InMemoryChannelLayer layer(executors);
  Host host(consumer<Silent>(), layer, {});
  AsioServer server(executors, host);
  const auto port = server.listen("127.0.0.1", 0, *tls);
  if (!port) throw Failure(port.error().message());
  clients.connect(*port, warm);
  settle();
  const long before = allocated();
  clients.connect(*port, counted);
  settle();
  report(what, before);
}

// As the simplest server would have it: handshake, read the request, answer, wait for the next byte.
class Bare : public std::enable_shared_from_this<Bare> {
 public:
  Bare(Tcp::socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}
  void start() {
    stream_.async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](std::error_code error) {
      if (!error) self->read();
    });
  }

 private:
  void read() {
    stream_.async_read_some(asio::buffer(byte_), [self = shared_from_this()](std::error_code error, std::size_t) {
      if (error) return;
      if (self->byte_[0] == '\n') ++self->lines_;
      if (self->lines_ == 6) {
        static const std::string answer = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
        asio::async_write(self->stream_, asio::buffer(answer), [self](std::error_code, std::size_t) {});
        self->lines_ = 0;
      }
      self->read();
    });
  }

  asio::ssl::stream<Tcp::socket> stream_;
  std::array<char, 1> byte_{};
  int lines_ = 0;
};

void measure_asio(std::string_view what, int version, const std::string& certificate, const std::string& key,
                  bool release_buffers) {
  Clients clients(version);
  asio::io_context io;
  asio::ssl::context context(asio::ssl::context::tls_server);
  context.use_certificate_chain_file(certificate);
  context.use_private_key_file(key, asio::ssl::context::pem);
  if (release_buffers) SSL_CTX_set_mode(context.native_handle(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.native_handle(), SSL_SESS_CACHE_OFF);
  Tcp::acceptor acceptor(io, Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  const std::function<void()> accept = [&] {
    acceptor.async_accept([&](std::error_code error, Tcp::socket socket) {
      if (error) return;
      std::make_shared<Bare>(std::move(socket), context)->start();
      accept();
    });
  };
  accept();
  std::thread running([&] { io.run(); });
  clients.connect(acceptor.local_endpoint().port(), warm);
  settle();
  const long before = allocated();
  clients.connect(acceptor.local_endpoint().port(), counted);
  settle();
  report(what, before);
  io.stop();
  running.join();
}

}  // namespace

int main(int argc, char** argv) try {
  std::string certificate, key;
  Options("What an idle TLS connection keeps: Sluice's, and a bare asio::ssl::stream that waits for its next byte")
      .add("--tls-certificate", certificate, "a PEM file")
      .add("--tls-key", key, "a PEM file")
      .parse(argc, argv);
  mallopt(M_ARENA_MAX, 1);  // of which mallinfo2 tells
  const auto tls = TlsContext::from_files(certificate, key);
  if (!tls) throw Failure(tls.error().message());
  fmt::print("an idle TLS connection's memory, all of malloc, with OpenSSL's own\n");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const std::string name = version == TLS1_2_VERSION ? "TLS 1.2" : "TLS 1.3";
    measure_sluice(name + ", Sluice, a consumer and all", version, *tls);
    measure_asio(name + ", asio::ssl::stream alone", version, certificate, key, false);
    measure_asio(name + ", the same, OpenSSL's buffers released", version, certificate, key, true);
  }
} catch (const std::exception& error) {
  fmt::print(stderr, "idle_tls_memory: {}\n", error.what());
  return 1;
}
