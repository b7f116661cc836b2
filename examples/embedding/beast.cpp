// SPDX-License-Identifier: MIT
// Boost.Beast accepts connections, parses requests and answers them; each WebSocket upgrade is handed over to Sluice.
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <cstdio>
#include <memory>

#include "site.hpp"
#include "support/options.hpp"

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

namespace {

/// One connection of a Beast server.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, sluice::AsioServer& sluice) : socket_(std::move(socket)), sluice_(sluice) {}

  void read() {
    request_ = {};
    http::async_read(socket_, buffer_, request_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error) self->serve();
    });
  }

 private:
  void serve() {
    if (beast::websocket::is_upgrade(request_)) return hand_over();
    response_ = {http::status::not_found, request_.version()};
    response_.keep_alive(request_.keep_alive());
    response_.body() = "Beast has nothing here\n";
    response_.prepare_payload();
    http::async_write(socket_, response_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error && self->response_.keep_alive()) self->read();
    });
  }

  // All that Sluice needs: the request, what was read behind it, and the descriptor, which Boost.Asio must have
  // released.
  void hand_over() {
    sluice::AdoptedRequest request{std::string(request_.method_string()), std::string(request_.target())};
    for (const auto& field : request_) request.headers.emplace_back(field.name_string(), field.value());
    const auto behind = buffer_.data();
    const int descriptor = socket_.release();
    const auto adopted = sluice_.adopt(descriptor, request, {static_cast<const char*>(behind.data()), behind.size()});
    if (adopted) return;
    std::fprintf(stderr, "%s\n", adopted.error().message().c_str());
    ::close(descriptor);
  }

  tcp::socket socket_;
  sluice::AsioServer& sluice_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response<http::string_body> response_;
};

void accept(tcp::acceptor& acceptor, sluice::AsioServer& sluice) {
  acceptor.async_accept([&](beast::error_code error, tcp::socket socket) {
    if (!acceptor.is_open()) return;
    if (!error) std::make_shared<Session>(std::move(socket), sluice)->read();
    accept(acceptor, sluice);
  });
}

}  // namespace

int main(int argc, char** argv) try {
  Listen listen;
  Options("A Boost.Beast server whose WebSockets Sluice serves", listen).parse(argc, argv);
  asio::io_context loop(1);
  asio::signal_set signals(loop, SIGINT, SIGTERM);
  Site site(listen.thread_count());
  tcp::acceptor acceptor(loop, {asio::ip::make_address(listen.host), listen.port});
  accept(acceptor, site.server());
  signals.async_wait([&](beast::error_code, int) { loop.stop(); });
  announce(listen.host, acceptor.local_endpoint().port());
  loop.run();
  site.server().stop();
  site.server().wait();
} catch (const std::exception& error) {
  std::fprintf(stderr, "beast: %s\n", error.what());
  return 1;
}
