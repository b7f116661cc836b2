// SPDX-License-Identifier: MIT
// A server that ends TLS itself, here with asio::ssl. It hands over one end of a socketpair, and copies between the
// other end and its TLS stream.
#include <unistd.h>

#include <array>
#include <asio/ip/tcp.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read_until.hpp>
#include <asio/signal_set.hpp>
#include <asio/ssl.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <cstdio>
#include <memory>

#include "site.hpp"
#include "support/options.hpp"

using asio::ip::tcp;
using Error = std::error_code;

namespace {

constexpr std::string_view not_found =
    "HTTP/1.1 404 Not Found\r\nContent-Length: 16\r\nConnection: close\r\n\r\nnot on this TLS\n";

/// One client. Alive while an operation of it is under way.
class Client : public std::enable_shared_from_this<Client> {
 public:
  Client(std::string address, tcp::socket socket, asio::ssl::context& tls, sluice::AsioServer& sluice)
      : address_(std::move(address)),
        tls_(std::move(socket), tls),
        inner_(tls_.get_executor()),
        patience_(tls_.get_executor()),
        sluice_(sluice) {}

  void start() {
    tls_.async_handshake(asio::ssl::stream_base::server, [self = shared_from_this()](Error error) {
      if (!error) self->read_request();
    });
  }

 private:
  void read_request() {
    asio::async_read_until(tls_, asio::dynamic_buffer(request_, 8'000), "\r\n\r\n",
                           [self = shared_from_this()](Error error, std::size_t) {
                             if (!error) self->serve();
                           });
  }

  void serve() {
    if (request_.starts_with("GET /ws/")) return hand_over();
    asio::async_write(tls_, asio::buffer(not_found), [self = shared_from_this()](Error, std::size_t) { self->end(); });
  }

  void hand_over() {
    asio::local::stream_protocol::socket outer(tls_.get_executor());
    Error error;
    asio::local::connect_pair(inner_, outer, error);
    if (error) return;  // no descriptor is left: this client goes, the others stay
    const int descriptor = outer.release();
    const auto adopted = sluice_.adopt(descriptor, request_, {.client_address = address_, .secure = true});
    if (!adopted) {
      std::fprintf(stderr, "%s\n", adopted.error().message().c_str());
      ::close(descriptor);
      return;
    }
    copy_in();
    copy_out();
  }

  // Each direction reads on only when the other side has taken what was read: a client that does not read is noticed.
  void copy_in() {
    tls_.async_read_some(asio::buffer(from_client_), [self = shared_from_this()](Error error, std::size_t count) {
      if (error) return self->client_has_ended();
      asio::async_write(self->inner_, asio::buffer(self->from_client_, count),
                        [self](Error failed, std::size_t) { failed ? self->leave_soon() : self->copy_in(); });
    });
  }

  void copy_out() {
    inner_.async_read_some(asio::buffer(to_client_), [self = shared_from_this()](Error error, std::size_t count) {
      if (error) return self->end();
      asio::async_write(self->tls_, asio::buffer(self->to_client_, count),
                        [self](Error failed, std::size_t) { failed ? self->close() : self->copy_out(); });
    });
  }

  void client_has_ended() {
    Error ignored;
    inner_.shutdown(asio::local::stream_protocol::socket::shutdown_send, ignored);
  }

  // Sluice has closed its end. The client has some time to take what is on its way.
  void leave_soon() {
    patience_.expires_after(std::chrono::seconds(2));
    patience_.async_wait([self = shared_from_this()](Error) { self->close(); });
  }

  // All that Sluice has sent is written: TLS ends, and then the connection.
  void end() {
    leave_soon();
    tls_.async_shutdown([self = shared_from_this()](Error) { self->close(); });
  }

  void close() {
    Error ignored;
    patience_.cancel();
    tls_.lowest_layer().close(ignored);
    inner_.close(ignored);
  }

  const std::string address_;
  asio::ssl::stream<tcp::socket> tls_;
  asio::local::stream_protocol::socket inner_;
  asio::steady_timer patience_;
  sluice::AsioServer& sluice_;
  std::string request_;
  std::array<char, 16 * 1024> from_client_, to_client_;
};

void accept(tcp::acceptor& acceptor, asio::ssl::context& tls, sluice::AsioServer& sluice) {
  acceptor.async_accept([&](Error error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    Error gone;
    const tcp::endpoint peer = error ? tcp::endpoint() : socket.remote_endpoint(gone);
    if (!error && !gone) {
      std::make_shared<Client>(peer.address().to_string(), std::move(socket), tls, sluice)->start();
    }
    accept(acceptor, tls, sluice);
  });
}

}  // namespace

int main(int argc, char** argv) try {
  Listen listen;
  std::string certificate, key;
  Options("A server with TLS of its own whose WebSockets Sluice serves", listen)
      .add("--tls-certificate", certificate, "a PEM file, the certificate and those behind it")
      .add("--tls-key", key, "its key, a PEM file")
      .parse(argc, argv);
  asio::io_context loop(1);
  asio::signal_set signals(loop, SIGINT, SIGTERM);
  asio::ssl::context tls(asio::ssl::context::tls_server);
  tls.use_certificate_chain_file(certificate);
  tls.use_private_key_file(key, asio::ssl::context::pem);
  Site site(listen.thread_count());
  tcp::acceptor acceptor(loop, {asio::ip::make_address(listen.host), listen.port});
  accept(acceptor, tls, site.server());
  // The loop copies until the last connection has ended.
  signals.async_wait([&](Error, int) {
    acceptor.close();
    site.server().when_ended([&] { loop.stop(); });
    site.server().stop();
  });
  announce(listen.host, acceptor.local_endpoint().port(), "https");
  loop.run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "own_tls: %s\n", error.what());
  return 1;
}
