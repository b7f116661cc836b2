// SPDX-License-Identifier: MIT
// One asio::io_context of the program's own, run by --threads threads: it accepts, and Sluice's connections live on it
// too. No thread waits for the server's end: the server calls when_ended()'s callback.
#include <unistd.h>

#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/signal_set.hpp>
#include <asio/write.hpp>
#include <cstdio>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "site.hpp"
#include "sluice/net/asio_executors.hpp"
#include "support/options.hpp"

using asio::ip::tcp;

namespace {

constexpr std::string_view not_found =
    "HTTP/1.1 404 Not Found\r\nContent-Length: 12\r\nConnection: close\r\n\r\nnot on Asio\n";

struct Client {
  explicit Client(tcp::socket accepted) : socket(std::move(accepted)) {}
  tcp::socket socket;
  std::string read;
};

void serve(const std::shared_ptr<Client>& client, sluice::AsioServer& sluice) {
  asio::async_read_until(client->socket, asio::dynamic_buffer(client->read, 8'000), "\r\n\r\n",
                         [client, &sluice](const std::error_code& error, std::size_t) {
                           if (error) return;
                           if (!client->read.starts_with("GET /ws/")) {
                             return asio::async_write(client->socket, asio::buffer(not_found),
                                                      [client](const std::error_code&, std::size_t) {});
                           }
                           const int descriptor = client->socket.release();
                           if (const auto adopted = sluice.adopt(descriptor, client->read); !adopted)
                             ::close(descriptor);
                         });
}

void accept(tcp::acceptor& acceptor, sluice::AsioServer& sluice) {
  acceptor.async_accept([&](const std::error_code& error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) serve(std::make_shared<Client>(std::move(socket)), sluice);
    accept(acceptor, sluice);
  });
}

}  // namespace

int main(int argc, char** argv) try {
  Listen listen;
  Options("An io_context of one's own, which Sluice shares", listen).parse(argc, argv);
  const std::size_t threads = listen.thread_count();
  asio::io_context loop(static_cast<int>(threads));
  asio::signal_set signals(loop, SIGINT, SIGTERM);
  // One executor for each thread: each of them is a strand.
  sluice::AsioExecutors executors(std::vector<std::reference_wrapper<asio::io_context>>(threads, loop));
  Site site(executors);
  tcp::acceptor acceptor(loop, {asio::ip::make_address(listen.host), listen.port});
  accept(acceptor, site.server());
  site.server().when_ended([&] { loop.stop(); });
  signals.async_wait([&](const std::error_code&, int) { site.server().stop(); });
  announce(listen.host, acceptor.local_endpoint().port());

  std::vector<std::thread> others;
  for (std::size_t i = 1; i < threads; ++i) others.emplace_back([&] { loop.run(); });
  loop.run();
  for (std::thread& other : others) other.join();
} catch (const std::exception& error) {
  std::fprintf(stderr, "own_io_context: %s\n", error.what());
  return 1;
}
